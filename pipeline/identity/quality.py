"""How degraded a small image is, from its pixels alone: noise, sharpness, blocks; and a bucket.

Thresholds of identity depend on the degradation, which nobody tells us. Noise is the median
absolute Laplacian of the colour differences, where a face is smooth (Immerkaer 1996). Sharpness is
the ratio of second to first differences: a blurred image has few. JPEG removes the fine grain of
colour that even a clean image has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data.boxes import Box
from data.images.rgb import RGB

__all__ = ["BUCKETS", "Bucket", "Quality", "face_region", "looks", "measure"]

Bucket = Literal["clean", "noisy", "blurred", "compressed", "grey"]
BUCKETS: Final[tuple[Bucket, ...]] = ("clean", "noisy", "blurred", "compressed", "grey")

_NOISY: Final = 3.0
_BLURRED: Final = 1.0
_GRAINLESS: Final = 0.75
_GREY: Final = 0.5
_TO_SIGMA: Final = 1 / (0.6745 * 6)
"""Median absolute response of the 3x3 mask to noise of deviation 1."""
_LEAST: Final = 4
_SCALE: Final = 12.0
"""Width of the faces on which the limits above were set, in pixels."""
_AS_IT_IS: Final = 0.8
"""Reductions by less are not made."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Blind estimates of one image, in grey levels and ratios."""

    noise: float
    """Deviation of the noise in the colour differences, in levels of 255."""
    sharpness: float
    """Second differences over first: 0.7 blurred by one pixel, 1.2 sharp (faces of 11 pixels)."""
    blockiness: float
    """Jump over the strongest 8x8 grid against other places; 1 for no grid."""
    grey: bool
    """Whether red, green and blue are equal."""

    @property
    def bucket(self) -> Bucket:
        """The degradation whose thresholds hold."""
        if self.grey:
            return "grey"
        if self.noise > _NOISY:
            return "noisy"
        if self.sharpness < _BLURRED:
            return "blurred"
        return "compressed" if self.noise < _GRAINLESS else "clean"


def measure(rgb: RGB) -> Quality:
    """Estimate the degradation of `rgb`, `(H, W, 3)` uint8, at its native pixels.

    Images with a side below 4 pixels count as blurred: there is nothing to measure.

    Example:
        >>> measure(np.full((16, 16, 3), 128, np.uint8)).bucket
        'grey'
    """
    levels = rgb.astype(np.float64)
    red, green, blue = levels[..., 0], levels[..., 1], levels[..., 2]
    grey = bool(max(np.abs(red - green).mean(), np.abs(blue - green).mean()) < _GREY)
    if min(rgb.shape[:2]) < _LEAST:
        return Quality(0.0, 0.0, 1.0, grey)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    noise = (_noise(red - green) + _noise(blue - green)) / (2 * np.sqrt(2))
    return Quality(float(noise), _sharpness(luma), _blockiness(luma), grey)


def looks(rgb: RGB, box: Box) -> Quality:
    """Estimate the degradation of the face at `box` of `rgb`, at the scale at which it matters.

    A wide face is reduced to 12 pixels first, with Pillow's bicubic: what is gone there is no
    hindrance, and fine skin would count as blur.
    """
    region = face_region(rgb, box)
    scale = _SCALE / max(box.width, 1.0)
    if scale > _AS_IT_IS:
        return measure(region)
    size = max(1, round(region.shape[1] * scale)), max(1, round(region.shape[0] * scale))
    small = Image.fromarray(np.ascontiguousarray(region)).resize(size, Image.Resampling.BICUBIC)
    return measure(np.asarray(small))


def face_region(rgb: RGB, box: Box) -> RGB:
    """Return the pixels of `rgb` within a square of 1.4 face widths around `box`, clipped."""
    height, width = rgb.shape[:2]
    half = 0.7 * max(box.width, box.height)
    x, y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    left, top = max(0, round(x - half)), max(0, round(y - half))
    right, bottom = min(width, round(x + half)), min(height, round(y + half))
    return rgb[min(top, height - 1) : max(bottom, 1), min(left, width - 1) : max(right, 1)]


def _noise(plane: NDArray[np.float64]) -> float:
    rows = plane[:-2] - 2 * plane[1:-1] + plane[2:]
    both = rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:]
    return float(np.median(np.abs(both))) * _TO_SIGMA


def _sharpness(luma: NDArray[np.float64]) -> float:
    first = sum(float((np.diff(luma, axis=axis) ** 2).mean()) for axis in (0, 1))
    second = sum(float((np.diff(luma, 2, axis=axis) ** 2).mean()) for axis in (0, 1))
    return float(np.sqrt(second / (first + 1e-6)))


def _blockiness(luma: NDArray[np.float64]) -> float:
    return max(
        _grid(np.abs(np.diff(luma, axis=1)).mean(0)), _grid(np.abs(np.diff(luma, axis=0)).mean(1))
    )


def _grid(jumps: NDArray[np.float64]) -> float:
    """Mean jump at the strongest phase of a grid of 8, against the mean of all jumps."""
    if len(jumps) < 8:
        return 1.0
    strongest = max(float(jumps[phase::8].mean()) for phase in range(8))
    return strongest / (float(jumps.mean()) + 1e-6)
