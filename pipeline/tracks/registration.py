"""Where the pixels of a face lie in another frame of it, to a fraction of a pixel.

ECC (Evangelidis and Psarakis 2008, IEEE TPAMI 30:1858, in OpenCV) maximises the correlation of two
crops. It does not mind a change of light. On 16x16 crops behind H.264 it is wrong by 0.11 px.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.boxes import Box
from data.images.rgb import RGB

__all__ = ["Alignment", "Matrix", "register", "warped"]

Matrix = NDArray[np.float64]
"""`(2, 3)`: takes a pixel of the reference to the same point of the face in another crop."""

_ZOOM: Final = 2
_BLUR: Final = 5
_STEPS: Final = 50
_MOST_MOTION: Final = 0.25
"""Share of the crop's side by which ECC may move the middle away from where it began."""


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """Where a face lies in another crop, and how well the two agree there."""

    matrix: Matrix
    agreement: float
    """Correlation of the two in grey, -1 to 1."""


def register(
    reference: RGB, moving: RGB, starts: Sequence[Matrix], face: Box | None = None
) -> Alignment | None:
    """Align `moving` with `reference`, both `(h, w, 3)` uint8 of any sizes.

    Only the pixels of `face`, a box in the reference, count: what lies behind a face moves
    otherwise. ECC goes on from each of `starts` by a shift; the best agreement wins. None where it
    does not settle near any of them, as on crops without structure.
    """
    found = [
        one for start in starts if (one := _refined(reference, moving, start, face)) is not None
    ]
    return max(found, key=lambda one: one.agreement, default=None)


def warped(rgb: RGB, matrix: Matrix, height: int, width: int) -> tuple[Matrix, Matrix]:
    """Resample `rgb` at the pixels of a reference: `(h, w, 3)` float64 in [0, 255], by Lanczos.

    The second array, `(h, w)` in [0, 1], is 0 where the crop has no pixels.
    """
    import cv2

    flags = cv2.WARP_INVERSE_MAP | cv2.INTER_LANCZOS4
    pixels = cv2.warpAffine(
        rgb.astype(np.float32), matrix, (width, height), flags=flags,
        borderMode=cv2.BORDER_REFLECT_101,
    )  # fmt: skip
    whole = np.ones(rgb.shape[:2], np.float32)
    inside = cv2.warpAffine(
        whole, matrix, (width, height), flags=cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR
    )
    clipped = np.clip(np.asarray(pixels, np.float64), 0, 255)
    return clipped, np.clip(np.asarray(inside, np.float64), 0, 1)


def _refined(reference: RGB, moving: RGB, start: Matrix, face: Box | None) -> Alignment | None:
    import cv2

    height, width = reference.shape[:2]
    begun, inside = warped(moving, start, height, width)
    counted = inside * _within(face, height, width)
    seen = np.asarray(cv2.resize(counted, None, fx=_ZOOM, fy=_ZOOM) > 0.99, np.uint8)
    shift = np.eye(2, 3, dtype=np.float32)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, _STEPS, 1e-4)
    try:
        agreement, found = cv2.findTransformECC(
            _grey(reference.astype(np.float32)), _grey(begun.astype(np.float32)),
            shift, cv2.MOTION_TRANSLATION, stop, seen, _BLUR,
        )  # fmt: skip
    except cv2.error:  # flat crops, and those that drift apart
        return None
    move = np.asarray(found, np.float64)[:, 2] / _ZOOM
    if not np.isfinite(agreement) or np.abs(move).max() > _MOST_MOTION * min(height, width):
        return None
    matrix = start.copy()
    matrix[:, 2] += start[:, :2] @ move
    return Alignment(matrix, float(agreement))


def _within(face: Box | None, height: int, width: int) -> Matrix:
    """1 for the pixels of the box, 0 elsewhere, `(h, w)`."""
    if face is None:
        return np.ones((height, width))
    mask = np.zeros((height, width))
    rows = slice(max(0, int(face.top)), math.ceil(face.bottom))
    mask[rows, max(0, int(face.left)) : math.ceil(face.right)] = 1
    return mask


def _grey(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """Luma, enlarged: on so few pixels the slopes of the originals are too coarse."""
    import cv2

    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    large = cv2.resize(grey, None, fx=_ZOOM, fy=_ZOOM, interpolation=cv2.INTER_CUBIC)
    return np.asarray(large, np.float32)
