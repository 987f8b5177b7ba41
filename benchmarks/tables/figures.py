"""The figures as contact sheets: LR, every method, HR, with the boxes that were found."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from benchmarks.bench import Bench
from benchmarks.cache import code_digest
from benchmarks.measured import frame
from benchmarks.picture_sets import (
    MissingDataError,
    PictureSet,
    SetListing,
    lfw_test,
    real_faces,
    scenes,
)
from benchmarks.real_faces import low_faces
from pipeline.comparison import Compare, MethodRow
from pipeline.degrade import Degradation
from pipeline.engine import run
from pipeline.files import whole_file
from pipeline.images import save_png
from pipeline.journal import Journal, Row
from pipeline.summary import as_rows, summarise

SHOWN: Final = 9
_CODE: Final = (
    "benchmarks/tables/figures.py",
    "pipeline/drawing.py",
    "pipeline/report_records.py",
    "pipeline/report_sheet.py",
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One contact sheet, and what it shows."""

    name: str
    pictures: Callable[[Path], PictureSet]
    crop: float = 1.0
    real: bool = False
    """Real low-resolution faces, which have no HR."""


FIGURES: Final = (
    Figure("faces", lfw_test),
    Figure("faces-close", lfw_test, crop=0.55),
    Figure("faces-real", lambda data: real_faces(data)[0], real=True),
    Figure("scenes", lambda data: scenes(data, "bsds100")),
)


def figures(bench: Bench, out: Path) -> tuple[list[Path], list[str]]:
    """Write a PNG for each figure below `out`/figures; what was written, and what is missing."""
    written: list[Path] = []
    missing: list[str] = []
    for figure in FIGURES:
        try:
            whole = figure.pictures(bench.data)
        except MissingDataError as error:
            missing.append(f"figure {figure.name}: {error}")
            continue
        shown = whole.shuffled(bench.seed, one_of_each=True)
        if not figure.real:
            shown = shown.first(bench.most(SHOWN))
        path = out / "figures" / f"{figure.name}.png"
        content = _sheet(bench, figure, shown)
        with whole_file(path) as temporary:
            temporary.write_bytes(_signed(content, bench.origin({shown.name: shown.digest[:16]})))
        written.append(path)
    return written, missing


def _sheet(bench: Bench, figure: Figure, pictures: PictureSet) -> bytes:
    parts = {
        "what": "figure",
        "drawn by": code_digest(_CODE),
        "figure": figure.name,
        "crop": figure.crop,
        "data": pictures.digest,
        "most": bench.most(SHOWN),
        "methods": [(entrant.name, entrant.fingerprint) for entrant in bench.entrants],
        "seed": bench.seed,
        **bench.arithmetic,
    }
    return bench.cache.bytes(parts, ".png", lambda: _drawn(bench, figure, pictures))


def _drawn(bench: Bench, figure: Figure, pictures: PictureSet) -> bytes:
    from pipeline.report_data import Report
    from pipeline.report_sheet import contact_sheet

    bench.say(f"figure {figure.name}")
    with tempfile.TemporaryDirectory(prefix="sr-benchmark-") as folder:
        job = Compare(
            Path(folder),
            tuple(e.method for e in bench.entrants if not (figure.real and e.method.oracle)),
            Degradation(figure.crop),
            device=bench.device,
            precision=bench.precision,
            batch_size=bench.batch_size,
        )
        rows = _real_rows(bench, job, pictures) if figure.real else _rows(bench, job, pictures)
        table = frame(rows)
        summary = as_rows(summarise(table, seed=bench.seed, images_per_s={}))
        report = Report(
            job.out,
            {"seed": bench.seed},
            tuple(sorted(summary, key=lambda row: bool(row["oracle"]))),
            table,
            dict(zip(table["image"], table["output"], strict=True)),
        )
        file = io.BytesIO()
        contact_sheet(report, report.images).save(file, "PNG")
    return file.getvalue()


def _rows(bench: Bench, job: Compare, pictures: PictureSet) -> list[Row]:
    listing = SetListing((pictures.name,), pictures=pictures.pictures)
    with Journal(job.out, job.settings(), resume=False) as journal:
        if run(job, listing, bench.options(), journal).interrupted:
            raise KeyboardInterrupt
        return list(journal.rows())


def _real_rows(bench: Bench, job: Compare, pictures: PictureSet) -> list[Row]:
    """Rows of faces without HR: restored, and the largest face that is found."""
    low = low_faces(pictures, bench.most(SHOWN))
    names = [f"{index}.png" for index in range(len(low))]
    for name, lr in zip(names, low, strict=True):
        save_png(job.out / "pictures" / "lr" / name, lr)
    rows: list[Row] = []
    for method in job.methods:
        for name, sr in zip(names, job.restorer(method)(low), strict=True):
            save_png(job.out / "pictures" / method.name / name, sr)
            best = max(job.detect(sr), key=lambda face: face.box.area, default=None)
            row = MethodRow(
                name,
                method.name,
                method.oracle,
                truth=False,
                found=best is not None,
                accurate=False,
                output=name,
            )
            rows.append({**asdict(row), **(asdict(best.box) if best else {})})
    return rows


def _signed(content: bytes, origin: Mapping[str, object]) -> bytes:
    """The picture with its provenance in the PNG's text fields."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    texts = PngInfo()
    for name, value in origin.items():
        texts.add_text(name, value if isinstance(value, str) else json.dumps(value, sort_keys=True))
    file = io.BytesIO()
    with Image.open(io.BytesIO(content)) as picture:
        picture.save(file, "PNG", pnginfo=texts)
    return file.getvalue()
