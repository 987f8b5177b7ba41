"""Where a face is: the box, how well two boxes agree, and which box belongs to which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels of the user's image; edges, so `width` is `right - left`.

    Raises `ValueError` when a side is not finite or the corners are swapped. An empty box
    (no width or no height) is allowed and overlaps with nothing.
    """

    left: float
    top: float
    right: float
    bottom: float

    def __post_init__(self) -> None:
        if not all(map(isfinite, (self.left, self.top, self.right, self.bottom))):
            raise ValueError(f"a side of the box is not a number: {self}")
        if self.right < self.left or self.bottom < self.top:
            raise ValueError(f"the corners of the box are swapped: {self}")

    @property
    def width(self) -> float:
        """`right - left`, never negative."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """`bottom - top`, never negative."""
        return self.bottom - self.top

    @property
    def area(self) -> float:
        """In square pixels; 0 for an empty box."""
        return self.width * self.height

    def scaled(self, sx: float, sy: float) -> Box:
        """The same box after the image was enlarged `sx` times across and `sy` times down."""
        return Box(self.left * sx, self.top * sy, self.right * sx, self.bottom * sy)

    def shifted(self, dx: float, dy: float) -> Box:
        """The same box after the origin moved by `(-dx, -dy)`."""
        return Box(self.left + dx, self.top + dy, self.right + dx, self.bottom + dy)

    def clipped(self, width: float, height: float) -> Box | None:
        """The part inside an image of this size; None when it has no area."""
        left, right = max(self.left, 0.0), min(self.right, width)
        top, bottom = max(self.top, 0.0), min(self.bottom, height)
        return Box(left, top, right, bottom) if left < right and top < bottom else None


def iou(a: Box, b: Box) -> float:
    """Intersection over union, in [0, 1]; 0 when the boxes share no area."""
    across = min(a.right, b.right) - max(a.left, b.left)
    down = min(a.bottom, b.bottom) - max(a.top, b.top)
    if across <= 0 or down <= 0:
        return 0.0
    shared = across * down
    return min(1.0, shared / (a.area + b.area - shared))


def match(
    predicted: Sequence[Box], truth: Sequence[Box], threshold: float
) -> list[tuple[int, int, float]]:
    """Pairs `(predicted index, truth index, IoU)`, one-to-one, of maximal total IoU.

    Only boxes that overlap with an IoU of at least `threshold` (in (0, 1]) are paired. The pairs
    are in the order of `predicted`.
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"an IoU threshold lies in (0, 1], not {threshold}")
    overlap = [[iou(p, t) for t in truth] for p in predicted]
    allowed = [[value if value >= threshold else 0.0 for value in row] for row in overlap]
    return [(p, t, allowed[p][t]) for p, t in _assign(allowed) if allowed[p][t] > 0]


def _assign(gain: list[list[float]]) -> list[tuple[int, int]]:
    if not gain or not gain[0]:
        return []
    if len(gain) == 1:  # the usual case, one face: no need for scipy
        row = gain[0]
        return [(0, max(range(len(row)), key=row.__getitem__))]
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(gain, maximize=True)
    return [(int(p), int(t)) for p, t in zip(rows, columns, strict=True)]
