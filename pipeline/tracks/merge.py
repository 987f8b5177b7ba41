"""Many frames of one face become one of the same size, with less noise: a registered mean.

A pixel of another frame counts less the more it differs from the reference, measured by what is
usual in that frame. A mouth that opens or a wall that moves leaves less of a ghost. Fusing wins
least behind H.264, whose errors stay from frame to frame: see docs/lab-notes/identity.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from data.boxes import Box
from data.images.rgb import RGB
from pipeline.detection.base import Landmarks
from pipeline.identity.alignment import similarity
from pipeline.tracks.registration import Matrix, register, warped

__all__ = ["Merged", "View", "merge"]

LEAST_AGREEMENT: Final = 0.9
"""Correlation below which a frame shows the face otherwise: turned, speaking, half hidden."""


_ALONE: Final = 16.0
"""Width of a face in pixels from which it is registered alone; a smaller one with its context."""
_USUAL: Final = 2.0
"""Times the usual squared difference at which a pixel counts by half."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A face in one frame, as it is restored."""

    rgb: RGB
    """The face with context, `(h, w, 3)`, its own pixels."""
    face: Box
    """The box in pixels of `rgb`."""
    landmarks: Landmarks | None = None
    """In pixels of `rgb`."""


@dataclass(frozen=True, slots=True, eq=False)
class Merged:
    """The mean of the frames that agree with the reference, at its place and of its size."""

    rgb: RGB
    frames: int
    """How many went in; 1 is the reference alone."""


def merge(views: Sequence[View], reference: int = 0) -> Merged:
    """Merge the `views` of one face onto `views[reference]`.

    A frame counts by the area of its face, for larger ones hold more, and where it has pixels like
    the reference's. One that does not agree is left out. Raises `IndexError` without views.

    Source: shift-and-add of Elad and Hel-Or 2001, IEEE TIP 10:1187, on the grid of the reference;
    weights as in the robust merge of Hasinoff et al. 2016, ACM TOG 35:192.
    """
    base = views[reference]
    height, width = base.rgb.shape[:2]
    total = base.rgb.astype(np.float64)
    weights = np.ones((height, width))
    alone = base.face if base.face.width >= _ALONE else None
    frames = 1
    for view in (view for i, view in enumerate(views) if i != reference % len(views)):
        found = register(base.rgb, view.rgb, _starts(base, view), alone)
        if found is None or found.agreement < LEAST_AGREEMENT:
            continue
        pixels, inside = warped(view.rgb, found.matrix, height, width)
        weight = inside * min(1.0, view.face.area / max(base.face.area, 1.0))
        weight *= _likeness(pixels, base.rgb)
        total += weight[..., None] * pixels
        weights += weight
        frames += 1
    mean = np.clip(np.rint(total / weights[..., None]), 0, 255).astype(np.uint8)
    return Merged(mean, frames)


def _likeness(pixels: Matrix, reference: RGB) -> Matrix:
    """How like the reference each pixel is, `(h, w)` in (0, 1]: 0.8 where only noise differs."""
    import cv2

    squared = np.square(pixels - reference).mean(axis=2)
    around = np.asarray(cv2.boxFilter(squared, -1, (3, 3)), np.float64)
    usual = _USUAL * (float(np.median(around)) + 1.0)
    return np.asarray(1 / (1 + np.square(around / usual)), np.float64)


def _starts(base: View, view: View) -> list[Matrix]:
    """Where to begin: the boxes' middles on each other, and the landmarks where both have them."""
    shift = np.eye(2, 3)
    shift[:, 2] = np.subtract(_middle(view.face), _middle(base.face))
    if base.landmarks is None or view.landmarks is None:
        return [shift]
    return [shift, similarity(base.landmarks, view.landmarks)]


def _middle(box: Box) -> tuple[float, float]:
    return (box.left + box.right) / 2, (box.top + box.bottom) / 2
