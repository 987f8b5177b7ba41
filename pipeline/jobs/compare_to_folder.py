"""`compare` from listing to files: rows.parquet, summary.json, images and the report."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from data.atomic import write_json
from data.errors import UsageError
from data.images.files import load_rgb
from data.images.rgb import RGB
from pipeline.engine.journal import Journal, Start
from pipeline.engine.run import RunOptions, RunResult, run
from pipeline.engine.tables import Columns, write_parquet
from pipeline.engine.to_folder import run_folder, what_it_rests_on
from pipeline.environment.cores import usable_cores
from pipeline.environment.provenance import provenance
from pipeline.evaluation.pairs import Pairs, collect_embeddings
from pipeline.evaluation.summary import HR_METHOD, Cell, as_rows, summarise
from pipeline.inputs.sources import Listing
from pipeline.jobs.compare import Compare, Method, comparable, row_columns
from pipeline.metrics.verification import Verification
from pipeline.names import Precision
from pipeline.upscalers.base import restore

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)
_RESERVED: Final = frozenset({HR_METHOD, "lr"})
_SPEED_IMAGES: Final = 32
_SPEED_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class CompareRun:
    """What `compare` did; `summary` is the content of summary.json."""

    out: Path
    result: RunResult
    summary: dict[str, Any]
    errors: list[str]

    def where(self) -> str:
        """Where the results are."""
        text = f"report: {self.out / 'report.html'}; images: {self.out / 'pictures'}"
        return "\n".join(filter(None, (text, self.result.interruption)))


def find_methods(
    names: str, device: str, precision: Precision, batch_size: int
) -> tuple[Method, ...]:
    """Turn `bicubic,gflmser,model.safetensors` into methods; raises ModelError, UsageError."""
    wanted = list(dict.fromkeys(part for name in names.split(",") if (part := name.strip())))
    if not wanted:
        raise UsageError("--upscalers names no upscaler")
    loaded = [(name, comparable(name, device, precision, batch_size)) for name in wanted]
    methods = tuple(Method(upscaler.name, name, upscaler.oracle) for name, upscaler in loaded)
    shown = [method.name for method in methods]
    if len(set(shown)) < len(shown) or _RESERVED & set(shown):
        raise UsageError(f"methods need names of their own, not {', '.join(shown)}")
    return methods


def compare(
    job: Compare,
    listing: Listing,
    options: RunOptions,
    *,
    pairs: Pairs | None,
    seed: int,
    start: Start | None = None,
) -> CompareRun:
    """Run the comparison into `job.out` and write its report; see `engine.run` for the errors."""
    columns = row_columns()
    with run_folder(job, listing, start or Start()) as journal:
        try:
            result = run(job, listing, options, journal)
        finally:
            if journal.counts()[0]:
                write_parquet(journal.rows(), columns, job.out / "rows.parquet")
        if not result.images:
            raise KeyboardInterrupt
        errors = [
            f"{row['image']}: {row['error']}"
            for row in journal.rows()
            if row["error"] and row["method"] == HR_METHOD
        ]
        verified = _verify(job, journal, pairs) if pairs is not None else {}
        summary: dict[str, Any] = {
            "protocol": {
                "seed": seed,
                **job.settings(),
                **_counts(result),
                "verification_notes": {m: v.notes for m, v in verified.items() if v.notes},
                **provenance(),
            },
            "rows": _summary_rows(job, columns, seed, verified),
            "input": what_it_rests_on(job, listing),
        }
        write_json(job.out / "summary.json", summary)
    return CompareRun(job.out, result, summary, errors)


def _counts(result: RunResult) -> dict[str, object]:
    return {
        "images": result.images,
        "failed": result.failed,
        "new_images": result.new_images,
        "interrupted": result.interrupted,
        "expected": result.expected,
        "seconds": round(result.seconds, 3),
    }


def _summary_rows(
    job: Compare, columns: Columns, seed: int, verified: dict[str, Verification]
) -> list[dict[str, Cell]]:
    import pandas as pd

    rows = pd.read_parquet(job.out / "rows.parquet", columns=list(columns))
    lr, hr = (_speed_images(job, rows, kind) for kind in ("lr", HR_METHOD))
    speed = {method.name: _images_per_s(job, method, lr, hr) for method in job.methods}
    further = {method: _columns(verdict) for method, verdict in verified.items()}
    return as_rows(summarise(rows, seed=seed, images_per_s=speed, verification=further))


def _speed_images(job: Compare, rows: pd.DataFrame, kind: str) -> list[RGB]:
    """A batch of images (lr or hr): the first that were written, repeated where too few."""
    fine = rows[(rows["method"] == HR_METHOD) & (rows["error"] == "")]
    count = min(job.batch_size, _SPEED_IMAGES)
    few = [load_rgb(job.out / "pictures" / kind / one) for one in fine["output"].head(count)]
    return list(itertools.islice(itertools.cycle(few), count))


def _images_per_s(job: Compare, method: Method, lr: Sequence[RGB], hr: Sequence[RGB]) -> float:
    """Speed of the method alone, after the run, with every core."""
    if not lr:
        return 0.0
    upscaler = comparable(
        method.upscaler, job.device, job.precision, job.batch_size, usable_cores()
    )
    restore(upscaler, lr[:1], hr[:1])
    start, count = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - start) < _SPEED_SECONDS:
        restore(upscaler, lr, hr)
        count += len(lr)
    return count / elapsed


def _verify(job: Compare, journal: Journal, pairs: Pairs) -> dict[str, Verification]:
    """The identity verification of each method; see `Pairs.verify`."""
    embeddings = collect_embeddings(journal.rows())
    seen = frozenset(str(row["image"]) for row in journal.rows() if not row["error"])
    if not pairs.judgeable(seen):
        log.warning("--pairs: not one same and one different pair lie in the set; no verification")
        return {}
    return {method.name: pairs.verify(method.name, embeddings, seen) for method in job.methods}


def _columns(verdict: Verification) -> dict[str, float]:
    """The verdict's figures as columns of the table; NaN where the pairs are too few."""
    return {
        name: nan if value is None else float(value)
        for name, value in verdict.as_row().items()
        if not isinstance(value, str)
    }
