"""A found face cut out with real context, upright, as the restoring network was trained on faces.

The network saw squares of about two face widths, upright. A face that is turned by more than a few
degrees is turned back by its landmarks; any other keeps its own pixels, not resampled.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import atan2, degrees
from typing import Final

import numpy as np

from data.boxes import Box
from data.images.rgb import RGB
from pipeline.detection.base import Landmarks

CONTEXT: Final = 2.0
"""Side of the square in face widths, half way between the crops 0.55 and 1.0 of the training."""
MOST_TILT: Final = 15.0
"""Degrees up to which a face is left as it lies."""
_LEAST_SIDE: Final = 8


@dataclass(frozen=True, slots=True)
class FaceCut:
    """The pixels around a face, as they are restored."""

    rgb: RGB
    """`(h, w, 3)`; a square unless the image ends before."""
    region: Box
    """Where it lies in the image, before it was turned."""
    turned: float
    """Degrees by which it was turned back about the middle of `region`; 0 for its own pixels."""
    face: Box
    """The face's box in pixels of `rgb`."""


def face_cut(rgb: RGB, box: Box, landmarks: Landmarks | None) -> FaceCut:
    """Cut the face at `box` out of `rgb`, with as much context as there is, never padded."""
    height, width = rgb.shape[:2]
    region = _region(box, width, height)
    left, top = round(region.left), round(region.top)
    tilt = _tilt(landmarks)
    inner = box.shifted(-left, -top)
    if abs(tilt) <= MOST_TILT:
        own = np.ascontiguousarray(rgb[top : round(region.bottom), left : round(region.right)])
        return FaceCut(own, region, 0.0, inner)
    return FaceCut(_upright(rgb, region, tilt), region, tilt, inner)


def _region(box: Box, width: int, height: int) -> Box:
    side = max(_LEAST_SIDE, round(CONTEXT * max(box.width, box.height * 0.8)))
    across, down = min(side, width), min(side, height)
    left = min(max(round((box.left + box.right - across) / 2), 0), width - across)
    top = min(max(round((box.top + box.bottom - down) / 2), 0), height - down)
    return Box(left, top, left + across, top + down)


def _tilt(landmarks: Landmarks | None) -> float:
    """Degrees by which the line of the eyes falls to the right; 0 without landmarks."""
    if landmarks is None:
        return 0.0
    (x0, y0), (x1, y1) = landmarks[:2]
    return degrees(atan2(y1 - y0, x1 - x0)) if x1 > x0 else 0.0


def _upright(rgb: RGB, region: Box, tilt: float) -> RGB:
    import cv2

    centre = ((region.left + region.right) / 2, (region.top + region.bottom) / 2)
    matrix = cv2.getRotationMatrix2D(centre, tilt, 1.0)
    matrix[:, 2] -= np.array([region.left, region.top])
    size = (round(region.width), round(region.height))
    turned = cv2.warpAffine(
        rgb, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
    )
    return np.asarray(turned, np.uint8)
