"""A frame is searched coarsely; what is in doubt there is looked at again in finer windows.

Half the scale takes a quarter of the time, and CenterFace sees nearly every face there, but gives
small ones scores that hands and signs have too. Windows around those settle it. Every number here
was chosen on the even half of `crowd_voc`: `docs/lab-notes/detection.md`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from data.boxes import Box
from data.images.rgb import RGB
from pipeline.detection.base import Detection
from pipeline.detection.candidates import (
    Candidate,
    best,
    best_scores,
    moved,
    search_mirrored,
    search_scales,
    without_parts,
)
from pipeline.detection.centerface import CenterFace, resized, shrunk
from pipeline.detection.scales import Plan

SURE: Final = 0.6
"""Score of the coarse search from which on a face needs no second look."""
DOUBT: Final = 0.2
"""Score of the coarse search below which nothing is looked at again."""
_LEAST: Final = 0.1
"""Least score of either look: there are ten times as many below, and no threshold lies there."""
WINDOW: Final = 64
"""Side of a window as the network sees it, in pixels."""
_FACE: Final = 20
"""Width that a face has in its window, unless that takes more than the finest scale."""
_WEIGHT: Final = 2 / 3
"""Share of the second look in the score."""
_MIDDLE: Final = 0.3
"""A face of a window counts when its middle is so near to the window's, in window sides."""
_SHARED: Final = 0.2
"""A doubtful face so near to the middle of a window of its scale needs none of its own."""
_LIKE: Final = 4 / 3
_SAME: Final = 0.35


def search_all(
    net: CenterFace, images: Sequence[RGB], hows: Sequence[Plan]
) -> list[list[Candidate]]:
    """Candidates of every image, searched as its plan says; crops go through together."""
    found: list[list[Candidate]] = [[] for _ in images]
    crops = [i for i, how in enumerate(hows) if how.mirrored]
    made = search_mirrored(net, [images[i] for i in crops], [hows[i].scales[0] for i in crops])
    for i, candidates in zip(crops, made, strict=True):
        found[i] = candidates
    for i, how in enumerate(hows):
        if not how.mirrored:
            found[i] = search_twice(net, images[i], how.scales, how.finest)
    return found


def search_twice(
    net: CenterFace, rgb: RGB, scales: Sequence[float], finest: float
) -> list[Candidate]:
    """Candidates of a frame, best first, each face once.

    `scales` are those of the coarse search, `finest` the largest of the second look.
    """
    net = replace(net, min_score=_LEAST)
    first = search_scales(net, rgb, scales)
    sure = [one for one in first if one[0].score >= SURE]
    doubtful = [face for face, _ in first if DOUBT <= face.score < SURE]
    again = look_again(net, rgb, doubtful, [face for face, _ in first], finest)
    return without_parts(best([*sure, *again]))


def look_again(
    net: CenterFace,
    rgb: RGB,
    doubtful: Sequence[Detection],
    first: Sequence[Detection],
    finest: float,
) -> list[Candidate]:
    """What windows around the doubtful faces show; scores are weighted with the first ones."""
    windows = list(_windows(doubtful, rgb, finest))
    found = net.batch([resized(one.pixels(rgb), one.scale) for one in windows])
    seen = [
        (face, window.scale)
        for window, faces in zip(windows, found, strict=True)
        for face in (window.in_image(one, rgb) for one in faces)
        if window.offset(face.box) < _MIDDLE
    ]
    before = best_scores(first, [face for face, _ in seen], _SAME)
    return [
        (replace(face, score=_WEIGHT * face.score + (1 - _WEIGHT) * float(score)), scale)
        for (face, scale), score in zip(seen, before, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Window:
    """A square of an image around a doubtful face."""

    x: float
    y: float
    """The middle of the face."""
    left: int
    top: int
    side: int
    """In pixels of the image, as are the others."""

    @property
    def scale(self) -> float:
        """By how much it is resized."""
        return WINDOW / self.side

    def pixels(self, rgb: RGB) -> RGB:
        """Its part of the image, smaller where the image is."""
        bottom, right = self.top + self.side, self.left + self.side
        return np.ascontiguousarray(rgb[self.top : bottom, self.left : right])

    def in_image(self, face: Detection, rgb: RGB) -> Detection:
        """A face of the resized window in pixels of the image."""
        return moved(shrunk(face, self.pixels(rgb), self.scale), self.left, self.top)

    def offset(self, box: Box) -> float:
        """How far the middle of a box is from that of the face, in sides of the window."""
        across = abs((box.left + box.right) / 2 - self.x)
        down = abs((box.top + box.bottom) / 2 - self.y)
        return max(across, down) / self.side


def _windows(doubtful: Sequence[Detection], rgb: RGB, finest: float) -> Iterator[_Window]:
    """Windows that show every doubtful face near their middle; neighbours share one."""
    height, width = rgb.shape[:2]
    made: list[_Window] = []
    for face in doubtful:
        side = max(1, round(WINDOW / min(finest, _FACE / max(face.box.width, 1.0))))
        if any(
            one.offset(face.box) < _SHARED and 1 / _LIKE < one.side / side < _LIKE for one in made
        ):
            continue
        x, y = (face.box.left + face.box.right) / 2, (face.box.top + face.box.bottom) / 2
        left, top = _start(x, side, width), _start(y, side, height)
        made.append(_Window(x, y, left, top, side))
        yield made[-1]


def _start(middle: float, side: int, length: int) -> int:
    """Where a window begins that lies in the image if it fits."""
    return min(max(round(middle - side / 2), 0), max(0, length - side))
