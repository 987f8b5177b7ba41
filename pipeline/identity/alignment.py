"""A face cut out upright: the `(150, 150, 3)` chip that dlib's network was trained on.

With five landmarks of the detector (eyes, nose, corners of the mouth) a similarity transform puts
them where they lie on average in dlib's chips. Without them dlib's own predictor finds its five
points inside the box.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from data.boxes import Box
from data.images.rgb import RGB

__all__ = ["chip", "chip_at_box", "chip_at_landmarks", "plausible", "similarity"]

Points = Sequence[tuple[float, float]]
CHIP: Final = 150
TEMPLATE: Final[tuple[tuple[float, float], ...]] = (
    (48.74, 46.67),
    (102.72, 46.53),
    (75.68, 78.17),
    (52.64, 102.29),
    (98.23, 101.75),
)
"""CenterFace's landmarks in dlib's chips: medians of 202 training faces of CelebA."""


def chip(rgb: RGB, box: Box, landmarks: Points | None) -> RGB:
    """Return the upright face of `rgb`, `(150, 150, 3)` uint8; landmarks are preferred to the box.

    Raises `ValueError` for a box without area.
    """
    if landmarks is None or not plausible(landmarks, box):
        return chip_at_box(rgb, box)
    return chip_at_landmarks(rgb, landmarks)


def chip_at_landmarks(
    rgb: RGB, landmarks: Points, *, template: Points = TEMPLATE, side: int = CHIP
) -> RGB:
    """Return the face whose left eye, right eye, nose and corners of the mouth are `landmarks`.

    Left is left in the image; coordinates are pixels of `rgb`. They come to lie at `template`
    (pixels of the chip) in a chip of `side` pixels.
    """
    import cv2

    transform = similarity(landmarks, template)
    scale = float(np.sqrt(abs(np.linalg.det(transform[:, :2]))))
    if scale < 0.5:  # bilinear sampling would skip pixels
        rgb, transform = _reduced(rgb, transform, scale)
    warped = cv2.warpAffine(rgb, transform, (side, side), flags=cv2.INTER_LINEAR)
    return np.asarray(warped, np.uint8)


def chip_at_box(rgb: RGB, box: Box) -> RGB:
    """Return the face at `box` as dlib's predictor of five points aligns it.

    The sides are rounded to whole pixels. Raises `ValueError` for a box without area.
    """
    if box.area == 0:
        raise ValueError(f"a box without area has no face: {box}")
    dlib, predictor = _predictor()
    sides = (round(side) for side in (box.left, box.top, box.right, box.bottom))
    return np.asarray(dlib.get_face_chip(rgb, predictor(rgb, dlib.rectangle(*sides))), np.uint8)


def similarity(source: Points, target: Points) -> NDArray[np.float64]:
    """Return the `(2, 3)` rotation, scale and shift that takes `source` closest to `target`.

    Umeyama's least squares; a mirror image is never fitted.
    """
    a, b = np.asarray(source, np.float64), np.asarray(target, np.float64)
    middle_a, middle_b = a.mean(0), b.mean(0)
    a, b = a - middle_a, b - middle_b
    left, strength, right = np.linalg.svd(b.T @ a)
    sign = np.array([1.0, np.sign(np.linalg.det(left @ right))])
    turn = left @ np.diag(sign) @ right
    scale = (strength * sign).sum() / max(float((a**2).sum()), 1e-12)
    return np.column_stack([scale * turn, middle_b - scale * turn @ middle_a])


def plausible(landmarks: Points, box: Box) -> bool:
    """Whether the eyes are apart: a transform from points in one spot would be anything."""
    (ax, ay), (bx, by) = landmarks[0], landmarks[1]
    return bool(np.hypot(ax - bx, ay - by) > 0.1 * box.width > 0)


def _reduced(
    rgb: RGB, transform: NDArray[np.float64], scale: float
) -> tuple[RGB, NDArray[np.float64]]:
    import cv2

    height, width = rgb.shape[:2]
    small = max(1, round(width * scale)), max(1, round(height * scale))
    reduced = np.asarray(cv2.resize(rgb, small, interpolation=cv2.INTER_AREA), np.uint8)
    sx, sy = width / small[0], height / small[1]
    back = np.array([[sx, 0, (sx - 1) / 2], [0, sy, (sy - 1) / 2], [0, 0, 1]])
    return reduced, transform @ back


@functools.lru_cache(maxsize=1)
def _predictor() -> tuple[Any, Any]:
    from pipeline.environment.dlib_models import import_dlib, model_file

    dlib = import_dlib()
    return dlib, dlib.shape_predictor(str(model_file("landmarks5")))
