"""Join what was found with ground truth: recall, precision, IoU and accuracy with intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.annotations.annotations import OutsideError, Truth, read_truth
from data.errors import TruthError, UsageError
from pipeline.evaluation.predictions import read_predictions
from pipeline.metrics.intervals import DRAWS, bootstrap_interval, ratios
from pipeline.metrics.matching import (
    ACCURATE,
    BOX_COLUMNS,
    FACE_COLUMNS,
    IMAGE_COLUMNS,
    SIZES,
    THRESHOLDS,
    JudgedImage,
    Prediction,
)

ALL: Final = "all"

Floats = NDArray[np.float64]
Key = tuple[str, str, float]
Sums = dict[Key, tuple[Floats, Floats]]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many images and boxes the figures rest on, and what was left out."""

    images: int
    """Images in both files: the only ones that count."""
    images_with_faces: int
    """Those with at least one annotated face; IoU, accuracy and found are over these."""
    faces: int
    boxes: int
    matched: int
    """Faces found with an IoU of at least 0.5."""
    false_boxes: int
    """Boxes on no face, at the same IoU."""
    errors: int
    """Images that `detect` could not read; their faces count as missed."""
    without_truth: int
    """Images with predictions that the annotation does not have: left out."""
    without_predictions: int
    """Annotated images that were not searched: left out."""
    empty_truth_boxes: int
    """Annotated boxes without area: left out."""
    damaged_truth: int = 0
    """Images with a face annotated mostly outside them: left out, each with its reason."""


@dataclass(frozen=True)
class Evaluation:
    """Figures, and the frames that they come from.

    `images`: one row per image that counts. `faces`: one per annotated face, with the IoU of the
    box on it (0 for a miss). `boxes`: one per box found; `right_…`/`ignored_…` per IoU threshold.
    `summary`: one row per face size and IoU threshold, size `all` first. Recall is by the width of
    the annotated face, precision by the width of the box found; NaN where there is none.
    `headline`: per image, of its largest face: iou_all, iou_hit (over images with a box) and
    accuracy (IoU of at least 0.5). `found` counts any box in the image but ignored ones. Each
    has `_lo` and `_hi`.
    """

    counts: Counts
    headline: dict[str, float]
    images: pd.DataFrame
    faces: pd.DataFrame
    boxes: pd.DataFrame
    summary: pd.DataFrame
    errors: dict[str, str]
    without_truth: tuple[str, ...]
    without_predictions: tuple[str, ...]
    damaged_truth: dict[str, str]
    """Image -> why its annotation cannot be judged."""
    seed: int
    level: float

    def as_json(self) -> dict[str, object]:
        """Everything but the frames of images, faces and boxes, as strict JSON: NaN is None."""
        rows = self.summary.to_dict(orient="records")
        return {
            "protocol": {
                "iou_thresholds": list(THRESHOLDS),
                "accurate_iou": ACCURATE,
                "interval": f"bootstrap over images, {DRAWS} draws",
                "level": self.level,
                "seed": self.seed,
            },
            "counts": asdict(self.counts),
            "headline": {name: _plain(value) for name, value in self.headline.items()},
            "rows": [{str(name): _plain(value) for name, value in row.items()} for row in rows],
            "errors": self.errors,
            "without_truth": list(self.without_truth),
            "without_predictions": list(self.without_predictions),
            "damaged_truth": self.damaged_truth,
        }

    def as_text(self) -> str:
        """A table for people: figures per image, then recall and precision per face size."""
        from pipeline.evaluation.as_text import evaluation_text

        return evaluation_text(self)


def evaluate(
    predictions: Path,
    truth: Path,
    *,
    format: str | None = None,
    classes: frozenset[str] | None = None,
    seed: int = 0,
    level: float = 0.95,
) -> Evaluation:
    """Judge `detections.csv` by an annotation.

    With `classes` a box on a face of another class is neither right nor wrong. Raises `UsageError`
    for a file that is no detections.csv and when no image is in both files, `TruthError` for a
    broken annotation. An image with a face annotated mostly outside it is left out, and named.
    """
    return judge(
        read_predictions(predictions),
        read_truth(truth, format=format, classes=classes),
        seed=seed,
        level=level,
    )


def judge(
    predictions: dict[str, Prediction], truth: Truth, *, seed: int = 0, level: float = 0.95
) -> Evaluation:
    """`evaluate` for what is in memory already; same errors."""
    pairs = truth.pair(predictions)
    judged, damaged = _judged(predictions, pairs, truth)
    if not judged and damaged:
        raise TruthError(next(iter(damaged.values())))
    if not pairs:
        raise UsageError(
            f"no image is in both files: {len(predictions)} with predictions "
            f"(the first is {next(iter(predictions), None)!r}), {len(truth)} with ground truth "
            f"(the first is {next(iter(truth), None)!r})"
        )
    frames = (
        pd.DataFrame([one.image_row() for one in judged], columns=IMAGE_COLUMNS),
        pd.DataFrame([row for one in judged for row in one.face_rows()], columns=FACE_COLUMNS),
        pd.DataFrame([row for one in judged for row in one.box_rows()], columns=BOX_COLUMNS),
    )
    sums = _summary_sums(frames[1], frames[2], frames[0]["image"])
    shares = ratios(sums, seed=seed, level=level)
    return Evaluation(
        counts=_counts(*frames, predictions, truth, pairs, damaged),
        headline=_headline(frames[0], seed=seed, level=level),
        images=frames[0],
        faces=frames[1],
        boxes=frames[2],
        summary=_summary(sums, shares),
        errors={one.image: error for one in judged if (error := one.found.error) is not None},
        without_truth=tuple(sorted(set(predictions) - set(pairs) - set(damaged))),
        without_predictions=tuple(sorted(set(truth) - set(pairs.values()))),
        damaged_truth=damaged,
        seed=seed,
        level=level,
    )


def _judged(
    predictions: Mapping[str, Prediction], pairs: Mapping[str, str], truth: Truth
) -> tuple[list[JudgedImage], dict[str, str]]:
    """The images judged, in the order of the predictions, and why others cannot be."""
    judged, damaged = [], truth.faults(predictions)
    for key in (key for key in predictions if key in pairs):
        try:
            judged.append(JudgedImage.of(key, predictions[key], pairs[key], truth))
        except OutsideError as error:
            damaged[key] = str(error)
    return judged, damaged


def _summary_sums(faces: pd.DataFrame, boxes: pd.DataFrame, images: pd.Series[str]) -> Sums:
    """Hits and cases per image, by name of the share, size and IoU threshold."""
    sums: Sums = {}
    for size in (ALL, *SIZES):
        these = faces if size == ALL else faces[faces["size"] == size]
        found = boxes if size == ALL else boxes[boxes["size"] == size]
        for t in THRESHOLDS:
            counted = found[~found[f"ignored_{t}"].astype(bool)]
            sums["recall", size, t] = _per_image(these["image"], these[f"matched_{t}"], images)
            sums["precision", size, t] = _per_image(counted["image"], counted[f"right_{t}"], images)
    return sums


def _per_image(
    where: pd.Series[str], hits: pd.Series[bool], images: pd.Series[str]
) -> tuple[Floats, Floats]:
    groups = hits.astype(float).groupby(where)
    both = groups.agg(["sum", "count"]).reindex(images, fill_value=0.0)
    return both["sum"].to_numpy(dtype=float), both["count"].to_numpy(dtype=float)


def _summary(sums: Sums, shares: Mapping[Key, tuple[float, float, float]]) -> pd.DataFrame:
    rows = []
    for size in (ALL, *SIZES):
        for t in THRESHOLDS:
            recall, precision = ("recall", size, t), ("precision", size, t)
            matched, faces = (int(values.sum()) for values in sums[recall])
            right, boxes = (int(values.sum()) for values in sums[precision])
            rows.append(
                (size, t, faces, matched, *shares[recall], boxes, boxes - right, *shares[precision])
            )
    columns = [
        "size", "iou", "faces", "matched", "recall", "recall_lo", "recall_hi",
        "boxes", "false_boxes", "precision", "precision_lo", "precision_hi",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _headline(images: pd.DataFrame, *, seed: int, level: float) -> dict[str, float]:
    """The figures of `compare`, defined alike: means over the images with a face, or over hits."""
    counted = images[images["faces"] > 0]
    hit = counted["found"].to_numpy(dtype=bool)
    iou = counted["iou"].fillna(0.0).to_numpy(dtype=float)
    values = {
        "iou_all": iou,
        "iou_hit": iou[hit],
        "accuracy": counted["accurate"].to_numpy(dtype=float),
        "found": hit.astype(float),
    }
    headline: dict[str, float] = {}
    for name, each in values.items():
        interval = bootstrap_interval(each, seed=seed, level=level)
        headline[name] = float(each.mean()) if len(each) else math.nan
        headline[f"{name}_lo"], headline[f"{name}_hi"] = interval.lo, interval.hi
    return headline


def _counts(
    images: pd.DataFrame,
    faces: pd.DataFrame,
    boxes: pd.DataFrame,
    predictions: dict[str, Prediction],
    truth: Truth,
    pairs: dict[str, str],
    damaged: Mapping[str, str],
) -> Counts:
    return Counts(
        images=len(images),
        images_with_faces=int((images["faces"] > 0).sum()),
        faces=len(faces),
        boxes=len(boxes),
        matched=int(images[f"matched_{ACCURATE}"].sum()),
        false_boxes=int(images[f"false_{ACCURATE}"].sum()),
        errors=int((images["error"] != "").sum()),
        without_truth=len(set(predictions) - set(pairs) - set(damaged)),
        without_predictions=len(truth) - len(pairs),
        empty_truth_boxes=truth.empty,
        damaged_truth=len(damaged),
    )


def _plain(value: object) -> object:
    if isinstance(value, float):
        return None if np.isnan(value) else float(value)
    return value
