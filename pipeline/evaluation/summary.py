"""From one row per image and method to one row per method: the figures of design.md section 5."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.metrics.intervals import Interval, bootstrap_interval
from pipeline.metrics.registry import image_metrics

if TYPE_CHECKING:
    import pandas as pd

HR_METHOD: Final = "hr"
"""The detector on the ground-truth image: where `hr_found` is read, never a row of its own."""
METRICS: Final = (
    "hr_found",
    "found",
    "accuracy",
    "iou_all",
    "iou_hit",
    *(metric.key for metric in image_metrics()),
)
"""Every figure that has an interval, in the order of the columns."""

Cell = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class MethodSummary:
    """One method over one set of images."""

    method: str
    oracle: bool
    """The method was shown the ground truth: never to be ranked with those that were not."""
    n: int
    """Images with ground truth: the denominator of found, accuracy and iou_all."""
    n_images: int
    """Images that were asked for: n + n_excluded."""
    n_excluded: int
    """Images without ground truth: no face to be found, or not readable."""
    n_errors: int
    """Images with an error of any kind. Where there is ground truth it counts as a miss."""
    means: Mapping[str, float]
    """A value for each of `METRICS`; NaN where no image has one."""
    intervals: Mapping[str, Interval]
    """The 95 % bootstrap interval of each of `METRICS`."""
    images_per_s: float | None = None
    verification: Mapping[str, float] = field(default_factory=dict)
    """Further columns, such as `tar_at_far_1e-2`; empty where no pairs were given."""

    def as_row(self) -> dict[str, Cell]:
        """The row as strict JSON takes it: a figure that is not finite is None."""
        row: dict[str, Cell] = {
            "method": self.method,
            "oracle": self.oracle,
            "n": self.n,
            "n_images": self.n_images,
            "n_excluded": self.n_excluded,
            "n_errors": self.n_errors,
        }
        row |= {name: _number(self.means[name]) for name in METRICS}
        row["images_per_s"] = _number(self.images_per_s)
        row |= {name: _number(value) for name, value in self.verification.items()}
        for name in METRICS:
            row[f"{name}_lo"] = _number(self.intervals[name].lo)
            row[f"{name}_hi"] = _number(self.intervals[name].hi)
        return row


def summarise(
    rows: pd.DataFrame,
    *,
    seed: int,
    images_per_s: Mapping[str, float],
    verification: Mapping[str, Mapping[str, float]] | None = None,
) -> list[MethodSummary]:
    """One summary for each method of `rows` but `hr`, in the order of their first row.

    found, accuracy and iou_all are means over the images with ground truth; a miss or an error
    counts 0. The mean of iou_hit is over those of them that were found. Image metrics are means
    over the images that have a value. The figure hr_found is the share of all readable images
    whose HR shows the detector a face (NaN where `rows` holds no `hr`). A larger value counts as
    its metric's `cap`.
    """
    hr_found = _hr_found(rows)
    further = verification or {}
    return [
        _summary(
            str(method),
            group,
            hr_found,
            seed=seed,
            images_per_s=images_per_s.get(str(method)),
            verification=further.get(str(method), {}),
        )
        for method, group in rows.groupby("method", sort=False)
        if method != HR_METHOD
    ]


def as_rows(summaries: Iterable[MethodSummary]) -> list[dict[str, Cell]]:
    """The `rows` of summary.json and of `compare --json`, every row with the same columns."""
    rows = [summary.as_row() for summary in summaries]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return [{name: row.get(name) for name in columns} for row in rows]


def values_of(group: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """For each figure but hr_found the values, one an image, that it is the mean of.

    found, accuracy and iou_all hold 0 or 1, or the IoU, of every row of `group` with ground truth,
    in order. iou_hit holds those of them that were found. The others hold one value for every row,
    NaN for none.
    """
    scored = group[group["truth"].astype(bool)]
    fine = (scored["error"].fillna("") == "").to_numpy()
    found = scored["found"].fillna(False).to_numpy(bool) & fine
    iou = np.where(found, scored["iou"].fillna(0.0).to_numpy(np.float64), 0.0)
    accurate = scored["accurate"].fillna(False).to_numpy(bool) & found
    values = {
        "found": found.astype(np.float64),
        "accuracy": accurate.astype(np.float64),
        "iou_all": iou,
        "iou_hit": iou[found],
    }
    for metric in image_metrics():
        known = group[metric.key] if metric.key in group else np.full(len(group), np.nan)
        column = np.asarray(known, np.float64)
        values[metric.key] = column if metric.cap is None else np.minimum(column, metric.cap)
    return values


def _summary(
    method: str,
    group: pd.DataFrame,
    hr_found: NDArray[np.float64],
    *,
    seed: int,
    images_per_s: float | None,
    verification: Mapping[str, float],
) -> MethodSummary:
    values = {"hr_found": hr_found, **values_of(group)}
    truth = int(group["truth"].astype(bool).sum())
    return MethodSummary(
        method=method,
        oracle=bool(group["oracle"].astype(bool).any()),
        n=truth,
        n_images=len(group),
        n_excluded=len(group) - truth,
        n_errors=int((group["error"].fillna("") != "").sum()),
        means={name: _mean(values[name]) for name in METRICS},
        intervals={name: bootstrap_interval(values[name], seed=seed) for name in METRICS},
        images_per_s=images_per_s,
        verification=verification,
    )


def _hr_found(rows: pd.DataFrame) -> NDArray[np.float64]:
    hr = rows[(rows["method"] == HR_METHOD) & (rows["error"].fillna("") == "")]
    return hr["found"].fillna(False).to_numpy(bool).astype(np.float64)


def _mean(values: NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else math.nan


def _number(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
