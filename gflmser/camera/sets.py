"""The degraded sets of the protocol: one fixed degradation each, by Pillow and PyAV alone.

They share no code with the steps that training sees, so that a fault of one does not hide in the
other. Lengths are in LR pixels; all that is random comes from the generator that is given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from gflmser.camera.video import moving, recorded

RGB = NDArray[np.uint8]

_MARGIN: Final = 16
"""At least so many pixels of frame around a face that is compressed, 32 at most."""
_CLIP: Final = 8


@dataclass(frozen=True, slots=True)
class DegradedSet:
    """What happens to HR on the way to LR, in the order of the fields; 0 leaves a step out."""

    light: float = 1.0
    """Share of the light that is left, on HR too."""
    blur: float = 0.0
    """Sigma of a Gaussian, in LR pixels."""
    noise: float = 0.0
    """Sigma of white noise, in levels of 255."""
    shot: float = 0.0
    """Variance of shot noise at full light, in levels squared."""
    jpeg: int = 0
    """Quality of a 4:2:0 JPEG of the frame."""
    h264: int = 0
    """QP of the last of eight frames through which the face moves."""

    def __call__(self, hr: Image.Image, side: int, rng: np.random.Generator) -> tuple[RGB, RGB]:
        """HR `(H, H, 3)` in its light, and LR `(side, side, 3)` of the square RGB image `hr`."""
        if self.light != 1:
            hr = hr.point([round(self.light * level) for level in range(256)] * 3)
        image = hr
        if self.blur:
            image = _blurred(hr, self.blur * hr.width / side)
        low = np.asarray(image.resize((side, side), Image.Resampling.BICUBIC), np.float64)
        variance = self.noise**2 + self.shot * low / 255
        low = low + rng.standard_normal(low.shape) * np.sqrt(variance)
        lr = np.clip(np.rint(low), 0, 255).astype(np.uint8)
        if self.jpeg:
            lr = _in_frame(lr, rng, lambda frame: _jpeg(frame, self.jpeg))
        if self.h264:
            step = (int(rng.integers(-2, 3)), int(rng.choice((-2, -1, 1, 2))))
            lr = _in_frame(
                lr, rng, lambda frame: recorded(moving(frame, step, _CLIP), self.h264)[-1]
            )
        return np.array(hr), lr


SETS: Final[Mapping[str, DegradedSet]] = MappingProxyType(
    {
        "clean": DegradedSet(),
        "noise10": DegradedSet(noise=10),
        "blur1": DegradedSet(blur=1),
        "jpeg40": DegradedSet(jpeg=40),
        "h264": DegradedSet(h264=34),
        "mixed": DegradedSet(blur=0.8, noise=6, jpeg=60),
        "dark": DegradedSet(light=0.25, noise=3, shot=60),
    }
)
"""By the names of the design, section 4."""


def _blurred(image: Image.Image, sigma: float) -> Image.Image:
    """By Pillow's Gaussian, the border mirrored: Pillow itself would repeat one pixel."""
    pad = min(image.width - 1, int(3 * sigma) + 1)
    wide = np.pad(np.asarray(image), ((pad, pad), (pad, pad), (0, 0)), "reflect")
    soft = Image.fromarray(wide).filter(ImageFilter.GaussianBlur(sigma))
    return soft.crop((pad, pad, pad + image.width, pad + image.height))


def _in_frame(lr: RGB, rng: np.random.Generator, compress: Callable[[RGB], RGB]) -> RGB:
    """`lr` as it comes out of a compressed frame in which it lay at any offset to the blocks."""
    side = len(lr)
    down, across = (int(v) for v in rng.integers(_MARGIN, 2 * _MARGIN, 2))
    whole = -(-(side + 3 * _MARGIN) // 16) * 16
    around = [(start, whole - side - start) for start in (down, across)]
    frame = np.pad(lr, (*around, (0, 0)), "symmetric")
    return compress(frame)[down : down + side, across : across + side]


def _jpeg(frame: RGB, quality: int) -> RGB:
    file = BytesIO()
    Image.fromarray(frame).save(file, "JPEG", quality=quality, subsampling=2)
    with Image.open(file) as opened:
        return np.asarray(opened.convert("RGB"))
