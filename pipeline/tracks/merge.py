"""Many frames of one face become one of the same size, with less noise: a registered mean.

The mean of all frames, restored, beats every single one behind noise, and wins least behind H.264,
whose errors stay from frame to frame: see docs/lab-notes/identity.md. Medians, and restoring before
the mean, were worse.
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

    A frame counts by the area of its face, for larger ones hold more, and where it has pixels. One
    that does not agree with the reference is left out. Raises `IndexError` without views.

    Source: shift-and-add of Elad and Hel-Or 2001, IEEE TIP 10:1187, on the grid of the reference.
    """
    base = views[reference]
    height, width = base.rgb.shape[:2]
    total = base.rgb.astype(np.float64)
    weights = np.ones((height, width))
    frames = 1
    for view in (view for i, view in enumerate(views) if i != reference % len(views)):
        found = register(base.rgb, view.rgb, list(_starts(base, view)))
        if found is None or found.agreement < LEAST_AGREEMENT:
            continue
        pixels, inside = warped(view.rgb, found.matrix, height, width)
        weight = inside * min(1.0, view.face.area / max(base.face.area, 1.0))
        total += weight[..., None] * pixels
        weights += weight
        frames += 1
    mean = np.clip(np.rint(total / weights[..., None]), 0, 255).astype(np.uint8)
    return Merged(mean, frames)


def _starts(base: View, view: View) -> list[Matrix]:
    """Where to begin: the boxes' middles on each other, and the landmarks where both have them."""
    shift = np.eye(2, 3)
    shift[:, 2] = np.subtract(_middle(view.face), _middle(base.face))
    if base.landmarks is None or view.landmarks is None:
        return [shift]
    return [shift, similarity(base.landmarks, view.landmarks)]


def _middle(box: Box) -> tuple[float, float]:
    return (box.left + box.right) / 2, (box.top + box.bottom) / 2
