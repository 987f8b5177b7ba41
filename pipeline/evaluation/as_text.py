"""An evaluation as a table for people."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import TYPE_CHECKING, Final

from tabulate import tabulate

from pipeline.metrics.matching import THRESHOLDS

if TYPE_CHECKING:
    from pipeline.evaluation.evaluate import Evaluation

NAMED: Final = 3
"""Left-out images that are named; the JSON names all."""


def evaluation_text(found: Evaluation) -> str:
    """Figures per image, recall and precision per face size, and what was left out."""
    return "\n".join([_headline(found), "", _sizes(found), "", *_left_out(found)])


def _headline(found: Evaluation) -> str:
    counts, figures = found.counts, found.headline
    rows = [
        (name, _figure(*(figures[key] for key in (name, f"{name}_lo", f"{name}_hi"))))
        for name in ("iou_all", "iou_hit", "accuracy", "found")
    ]
    title = (
        f"{counts.images} images, {counts.images_with_faces} with faces; of the largest face, "
        f"with {found.level:.0%} intervals:"
    )
    return f"{title}\n{tabulate(rows, tablefmt='plain')}"


def _sizes(found: Evaluation) -> str:
    headers = ["face px", "faces", *(f"recall IoU>={t}" for t in THRESHOLDS)]
    headers += ["boxes", *(f"precision IoU>={t}" for t in THRESHOLDS)]
    rows = []
    for size, group in found.summary.groupby("size", sort=False):
        both = group.to_dict(orient="records")
        if not (both[0]["faces"] or both[0]["boxes"]):
            continue
        rows.append(
            [
                size,
                both[0]["faces"],
                *(_figure(r["recall"], r["recall_lo"], r["recall_hi"]) for r in both),
                both[-1]["boxes"],
                *(_figure(r["precision"], r["precision_lo"], r["precision_hi"]) for r in both),
            ]
        )
    return tabulate(rows, headers, tablefmt="simple", disable_numparse=True)


def _left_out(found: Evaluation) -> list[str]:
    counts = found.counts
    lines = [f"{counts.matched} of {counts.faces} faces found, {counts.false_boxes} false boxes."]
    for number, what, names in (
        (counts.errors, "images could not be read (faces count as missed)", list(found.errors)),
        (counts.without_truth, "images have no ground truth (left out)", found.without_truth),
        (
            counts.without_predictions,
            "annotated images were not searched (left out)",
            found.without_predictions,
        ),
        (counts.empty_truth_boxes, "annotated boxes have no area (left out)", []),
    ):
        if number:
            lines.append(f"{number} {what}{_some(names)}.")
    lines += [f"left out: {image}: {why}" for image, why in found.damaged_truth.items()]
    return lines


def _some(names: Sequence[str]) -> str:
    if not names:
        return ""
    more = ", ..." if len(names) > NAMED else ""
    return f": {', '.join(names[:NAMED])}{more}"


def _figure(value: float, low: float, high: float) -> str:
    return "-" if isnan(value) else f"{value:.3f} [{low:.3f}, {high:.3f}]"
