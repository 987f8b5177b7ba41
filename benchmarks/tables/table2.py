"""Table 2: is one GFLmser better than another? Every pair of variants, by several tests."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from benchmarks import published
from benchmarks.context import Bench
from benchmarks.image_sets import MissingDataError, paired_faces
from benchmarks.measuring.compare_rows import frame, measure_with_features
from benchmarks.methods import Entrant
from benchmarks.protocols import DRAW_IMAGES, DRAWS, PAIRED
from benchmarks.tables.columns import columns
from benchmarks.tables.document import Section, Sheet
from pipeline.evaluation.summary import Cell
from pipeline.metrics.intervals import bootstrap_interval
from pipeline.metrics.significance import (
    t_test,
    t_test_paired,
    wilcoxon_rank_sum,
    wilcoxon_signed_rank,
)

Floats = NDArray[np.float64]

_COLUMNS = columns(
    *("figure", "sample", "n_values", "mean_a", "variance_a", "mean_b", "variance_b"),
    *("difference", "t", "published_t", "t_p", "published_p"),
    *("rank_sum_p", "t_paired_p", "signed_rank_p"),
)
_FIGURES = {"psnr_rgb": "PSNR RGB", "psnr_y": "PSNR Y"}


def table2(bench: Bench) -> Sheet:
    """Raises MissingDataError without faces, or where fewer than two variants are there."""
    variants = [entrant for entrant in bench.entrants if entrant.variant]
    if len(variants) < 2:
        names = ", ".join(entrant.name for entrant in variants) or "none"
        raise MissingDataError(f"needs at least two weights of GFLmser; there are: {names}")
    images = paired_faces(bench.data).first(bench.subset)
    rows, _ = measure_with_features(bench, PAIRED, images)
    compared = {entrant.name for entrant in variants}
    own = frame([row for row in rows if row["method"] in compared])
    table = own.pivot(index="image", columns="method", values=list(_FIGURES)).dropna()
    if len(table) < 2:
        raise MissingDataError(f"needs at least two readable images of {images.name}")
    size = min(DRAW_IMAGES, max(2, len(table) // 2))
    drawn = draws(len(table), size, bench.seed)
    made: list[dict[str, Cell]] = []
    for a, b in combinations(variants, 2):
        for key, figure in _FIGURES.items():
            first = table[key, a.name].to_numpy(np.float64)
            second = table[key, b.name].to_numpy(np.float64)
            named: dict[str, Cell] = {
                "method": f"{a.name} (A), {b.name} (B)",
                "oracle": a.method.oracle or b.method.oracle,
                "figure": figure,
                **(published.table2(a.family, b.family) if _alike(a, b) else {}),
            }
            union = tests(first[drawn], second[drawn])
            whole = tests(first, second) | interval(first, second, bench.seed)
            made.append(named | {"sample": f"union of {DRAWS} draws of {size}"} | union)
            made.append(named | {"sample": "whole set"} | whole)
    notes = (
        "t: Welch, two samples; rank sum: Wilcoxon, two samples; paired t and signed rank compare "
        "the same image. Two-sided. The union of draws holds each image once, as the paper's "
        "does: its n = 7030 are the distinct ones of 30 times 1000 out of 7144. The interval of "
        "A − B, of the whole set, is of the images' own differences. Paper: t of "
        "gating against none, unpaired, by its printed means and variances (both rows saw the "
        "ground truth), beside two that were trained on as many images.",
        *bench.notes(),
    )
    title = f"{images.name}, {len(table)} images"
    return Sheet(
        "table2",
        "Table 2: significance between variants",
        (Section(title, tuple(made), _COLUMNS),),
        notes,
        bench.origin({images.name: images.digest[:16]}),
    )


def _alike(a: Entrant, b: Entrant) -> bool:
    """Whether the two differ by their gates, as the paper's do, and not by what they were shown."""
    shown = [(e.trained_on, e.method.oracle, e.budget.get("images_seen")) for e in (a, b)]
    return shown[0] == shown[1]


def draws(count: int, size: int, seed: int) -> NDArray[np.intp]:
    """Indices of the set union of 30 draws without replacement of `size` of `count`, sorted."""
    rng = np.random.default_rng(seed)
    drawn = [rng.choice(count, min(size, count), replace=False) for _ in range(DRAWS)]
    return np.unique(np.concatenate(drawn)).astype(np.intp)


def interval(a: Floats, b: Floats, seed: int) -> dict[str, Cell]:
    """`difference_lo` and `_hi`: bootstrap over the differences of paired samples."""
    found = bootstrap_interval(a - b, seed=seed)
    return {"difference_lo": found.lo, "difference_hi": found.hi}


def tests(a: Floats, b: Floats) -> dict[str, Cell]:
    """The row of two paired samples; a figure that is not defined is None."""
    welch = t_test(a, b)
    figures = {
        "n_values": len(a),
        "mean_a": float(a.mean()),
        "variance_a": float(a.var(ddof=1)),
        "mean_b": float(b.mean()),
        "variance_b": float(b.var(ddof=1)),
        "difference": float((a - b).mean()),
        "t": welch.statistic,
        "t_p": welch.p,
        "rank_sum_p": wilcoxon_rank_sum(a, b).p,
        "t_paired_p": t_test_paired(a, b).p,
        "signed_rank_p": wilcoxon_signed_rank(a, b).p,
    }
    return {name: value if np.isfinite(value) else None for name, value in figures.items()}
