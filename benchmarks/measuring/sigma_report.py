"""How good a sigma is: its rank, its coverage, and the error of what it would keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from benchmarks.measuring.restored_triples import Triple
from benchmarks.measuring.sigma_fit import NEAR, embedding_distances, errors
from pipeline.uncertainty.sigma import Sigma

__all__ = ["ALL", "Row", "report"]

ALL: Final = "all sets"
KEPT: Final = (0.25, 0.5, 0.75, 1.0)
"""Shares of the images that are kept, the surest first."""

Row = dict[str, float | str]
"""Figures by name; numbers are floats or counts."""


def report(
    sigma: Sigma, triples: Sequence[Triple], widths: Sequence[float], *, judged: bool
) -> list[Row]:
    """A row for each degraded set, and one for all of them; `judged`: embeddings too."""
    known = [
        (triple, certainty)
        for triple, width in zip(triples, widths, strict=True)
        if (certainty := sigma(triple.lr, triple.sr, triple.mirrored, width)) is not None
    ]
    ratios = [np.abs(errors(t)) / c.sigma[..., None] for t, c in known]
    columns = {
        "sigma": np.array([c.mean for _, c in known]),
        "power": np.array([(errors(t) ** 2).mean() for t, _ in known]),
        "within_1": np.array([(one < 1).mean() for one in ratios]),
        "within_2": np.array([(one < 2).mean() for one in ratios]),
        "pixel_rank": np.array([_pixel_rank(t, c.sigma) for t, c in known]),
        "quality": np.array([c.quality for _, c in known]),
        "unusual": np.array([c.unusual for _, c in known]),
    }
    if judged:
        columns["distance"] = embedding_distances([t for t, _ in known]).astype(np.float64)
    kinds = np.array([t.kind for t, _ in known])
    rows = [_row(kind, columns, kinds == kind) for kind in dict.fromkeys(kinds.tolist())]
    return [*rows, _row(ALL, columns, np.full(len(known), True))]


def _row(name: str, columns: Mapping[str, NDArray[np.floating]], chosen: NDArray[np.bool_]) -> Row:
    own = {key: values[chosen] for key, values in columns.items()}
    made: Row = {
        "set": name,
        "images": int(chosen.sum()),
        "spearman": _rank(own["sigma"], own["power"]),
        "within_1": float(own["within_1"].mean()),
        "within_2": float(own["within_2"].mean()),
        "pixel_spearman": float(own["pixel_rank"].mean()),
        "unusual_1_percent": float((own["unusual"] >= 0.99).mean()),
        **_risk("rmse", own["sigma"], own["power"], root=True),
    }
    if "distance" in own:
        there = np.isfinite(own["distance"])
        far = (own["distance"][there] >= NEAR).astype(float)
        made["far"] = float(far.mean())
        if 0 < far.mean() < 1:
            made["quality_auc"] = _auc(own["quality"][there], far < 1)
        made |= _risk("far", -own["quality"][there], far)
    return made


def _risk(
    name: str, order: NDArray[np.floating], risk: NDArray[np.floating], *, root: bool = False
) -> dict[str, float]:
    """The mean risk of the kept share with the least `order`, and its mean over all shares."""
    running = np.cumsum(risk[np.argsort(order)]) / np.arange(1, len(risk) + 1)
    if root:
        running = np.sqrt(running)
    at = {
        f"{name}_at_{kept:g}": float(running[max(1, round(kept * len(risk))) - 1]) for kept in KEPT
    }
    return at | {f"{name}_area": float(running.mean())}


def _rank(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])


def _pixel_rank(triple: Triple, sigma: NDArray[np.floating]) -> float:
    return _rank(sigma.reshape(-1)[::7], (errors(triple) ** 2).mean(2).reshape(-1)[::7])


def _auc(scores: NDArray[np.floating], positive: NDArray[np.bool_]) -> float:
    """Chance that a positive scores higher than a negative; both are there."""
    yes, no = int(positive.sum()), int((~positive).sum())
    return float((rankdata(scores)[positive].sum() - yes * (yes + 1) / 2) / (yes * no))
