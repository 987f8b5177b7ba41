"""One image judged: which box is on which face, which is a mistake, which does not count."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import nan
from typing import Final

from data.annotations.annotations import Truth, inside
from data.boxes import Box, iou, match

THRESHOLDS: Final = (0.3, 0.5)
ACCURATE: Final = 0.5
TOUCHING: Final = 1e-9
"""Smallest IoU of the pairs whose IoU is averaged."""
COVERED: Final = 0.5
"""A box with this share of its area in an ignored region is neither right nor wrong."""
EDGES: Final = (12, 16, 24, 32, 48, 80)
SIZES: Final = ("<12", *(f"{a}-{b}" for a, b in pairwise(EDGES)), ">=80")

FACE_COLUMNS: Final = [
    "image", "face", "left", "top", "right", "bottom", "face_px", "size", "iou",
    *(f"matched_{t}" for t in THRESHOLDS),
]  # fmt: skip
BOX_COLUMNS: Final = [
    "image", "left", "top", "right", "bottom", "score", "box_px", "size",
    *(f"{state}_{t}" for state in ("right", "ignored") for t in THRESHOLDS),
]  # fmt: skip
IMAGE_COLUMNS: Final = [
    "image", "truth_image", "width", "height", "error", "faces", "boxes", "face_px", "iou",
    "found", "accurate", *(f"{n}_{t}" for n in ("matched", "false", "ignored") for t in THRESHOLDS),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Prediction:
    """What was found in one image."""

    boxes: tuple[Box, ...] = ()
    scores: tuple[float | None, ...] = ()
    """One for each box; None where the detector gives none."""
    size: tuple[float, float] | None = None
    """Width and height of the image, where the file has them."""
    error: str | None = None
    """Why the image was not searched; None when it was."""


@dataclass(frozen=True, slots=True)
class JudgedImage:
    """An image's boxes paired with its faces, and the rows that say so in the three frames."""

    image: str
    truth_image: str
    found: Prediction
    faces: tuple[Box, ...]
    ignored: tuple[Box, ...]
    overlap: dict[int, float]
    """IoU of each face that a box touches."""
    pairs: dict[float, dict[int, int]]
    """At each threshold: box -> face."""

    @classmethod
    def of(cls, image: str, found: Prediction, key: str, truth: Truth) -> JudgedImage:
        """Judge what was found in `image` by the truth's image `key`.

        Raises `OutsideError` when most of a face lies outside the image as it was searched.
        """
        size = found.size
        faces = truth[key]
        if size is not None:
            where = f"ground truth of {key!r}"
            faces = tuple(inside(face, size, where) for face in faces)
        return cls(
            image=image,
            truth_image=key,
            found=found,
            faces=faces,
            ignored=truth.ignored.get(key, ()),
            overlap={face: value for _, face, value in match(found.boxes, faces, TOUCHING)},
            pairs={
                t: {box: face for box, face, _ in match(found.boxes, faces, t)} for t in THRESHOLDS
            },
        )

    def is_ignored(self, box: int, threshold: float) -> bool:
        """Whether a box on no face lies mostly in one ignored region."""
        return box not in self.pairs[threshold] and any(
            _covered(self.found.boxes[box], region) >= COVERED for region in self.ignored
        )

    def face_rows(self) -> list[tuple[object, ...]]:
        """One row of `FACE_COLUMNS` for each annotated face."""
        return [
            (self.image, i, f.left, f.top, f.right, f.bottom, f.width, size_of(f.width),
             self.overlap.get(i, 0.0), *(i in self.pairs[t].values() for t in THRESHOLDS))
            for i, f in enumerate(self.faces)
        ]  # fmt: skip

    def box_rows(self) -> list[tuple[object, ...]]:
        """One row of `BOX_COLUMNS` for each box found."""
        scored = enumerate(zip(self.found.boxes, self.found.scores, strict=True))
        return [
            (self.image, b.left, b.top, b.right, b.bottom, score, b.width, size_of(b.width),
             *(i in self.pairs[t] for t in THRESHOLDS),
             *(self.is_ignored(i, t) for t in THRESHOLDS))
            for i, (b, score) in scored
        ]  # fmt: skip

    def image_row(self) -> tuple[object, ...]:
        """The row of `IMAGE_COLUMNS`; `iou`, `accurate` and `face_px` are of the largest face."""
        areas = [face.area for face in self.faces]
        largest = areas.index(max(areas)) if areas else None
        iou = nan if largest is None else self.overlap.get(largest, 0.0)
        boxes = len(self.found.boxes)
        matched = [len(self.pairs[t]) for t in THRESHOLDS]
        ignored = [sum(self.is_ignored(i, t) for i in range(boxes)) for t in THRESHOLDS]
        false = [boxes - m - i for m, i in zip(matched, ignored, strict=True)]
        width, height = self.found.size or (nan, nan)
        face_px = nan if largest is None else self.faces[largest].width
        return (
            self.image, self.truth_image, width, height, self.found.error or "", len(self.faces),
            boxes, face_px, iou, boxes > ignored[0], bool(iou >= ACCURATE),
            *matched, *false, *ignored,
        )  # fmt: skip


def best_match(boxes: Sequence[Box], truth: Box | None) -> tuple[int | None, float]:
    """The box on one annotated face, and its IoU: THE accuracy of one face is `iou >= ACCURATE`.

    The box that overlaps `truth` most is chosen, of equal ones the largest; without truth the
    largest, with IoU 0. `(None, 0.0)` where there is no box.

    >>> best_match([Box(0, 0, 4, 4), Box(2, 0, 6, 4)], Box(2, 0, 6, 4))
    (1, 1.0)
    """
    if not boxes:
        return None, 0.0
    overlaps = [0.0 if truth is None else iou(box, truth) for box in boxes]
    best = max(range(len(boxes)), key=lambda i: (overlaps[i], boxes[i].area))
    return best, overlaps[best]


def size_of(width: float) -> str:
    """Name of the bin of a width in pixels; a bin holds its lower edge."""
    return SIZES[bisect_right(EDGES, width)]


def _covered(box: Box, region: Box) -> float:
    shared = region.shifted(-box.left, -box.top).clipped(box.width, box.height)
    return shared.area / box.area if shared is not None and box.area else 0.0
