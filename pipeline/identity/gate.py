"""Is an image of the gallery good enough to know a person by? Size, sharpness, enlargement, colour.

A gallery of small smears gave users of other tools 92 to 100 % false matches. Images that fail are
named with the reason; a person of whom nothing better is there is never given as a name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.boxes import Box
from data.images.rgb import RGB
from pipeline.identity.quality import face_region, measure

__all__ = ["Checked", "check", "effective_width"]

LEAST_PX: Final = 32.0
"""Least width of a face, in pixels that hold detail."""
_KEPT: Final = 0.93
"""Share of the gradient's energy that survives halving where the finer pixels hold nothing."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What the gate saw in one image of the gallery."""

    face_px: float
    """Width of the face in pixels."""
    effective_px: float
    """The same after the image was reduced until its pixels hold detail."""
    sharpness: float
    """See `Quality.sharpness`, at the effective size."""
    grey: bool
    refused: str
    """Why the image is too poor; empty when it is not."""
    warning: str
    """What weakens it; empty when nothing does."""


def check(rgb: RGB, box: Box) -> Checked:
    """Judge the face at `box` of a gallery's image, `(H, W, 3)` uint8."""
    region = face_region(rgb, box)
    quality = measure(region)
    effective = effective_width(region, box.width)
    refused = warning = ""
    if box.width < LEAST_PX:
        refused = f"the face is {box.width:.0f} px wide, {LEAST_PX:.0f} are needed"
    elif effective < LEAST_PX:
        refused = (
            f"blurred, enlarged or restored: {box.width:.0f} px hold the detail of "
            f"{effective:.0f}, {LEAST_PX:.0f} are needed"
        )
    elif quality.grey:
        warning = "grey: colour images know a person better"
    return Checked(box.width, effective, quality.sharpness, quality.grey, refused, warning)


def effective_width(region: RGB, width: float) -> float:
    """Halve `width` as often as halving the image `region` loses nothing of its gradients.

    Enlarged and restored images have more pixels than detail.
    """
    luma = region.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    while min(luma.shape) >= 16:
        small = _resized(luma, luma.shape[1] // 2, luma.shape[0] // 2)
        back = _resized(small, luma.shape[1], luma.shape[0])
        if _energy(back) < _KEPT * _energy(luma):
            break
        luma, width = small, width / 2
    return width


def _resized(plane: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    from PIL import Image

    image = Image.fromarray(plane)
    return np.asarray(image.resize((width, height), Image.Resampling.LANCZOS), np.float32)


def _energy(plane: NDArray[np.float32]) -> float:
    inside = plane[2:-2, 2:-2]
    return sum(float((np.diff(inside, axis=axis) ** 2).sum()) for axis in (0, 1)) + 1e-6
