"""Enlargement without a network: Pillow's filters, four times, no torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from data.images.rgb import RGB

SCALE: Final = 4


@dataclass(frozen=True, slots=True)
class Interpolator:
    """One Pillow filter as an upscaler."""

    name: str
    resample: Image.Resampling
    scale: int = SCALE
    oracle: bool = False

    def __call__(self, pictures: Sequence[RGB]) -> list[RGB]:
        """Each picture enlarged by `scale` with this filter, rounded and clipped by Pillow."""
        return [self._enlarge(picture) for picture in pictures]

    def _enlarge(self, picture: RGB) -> RGB:
        height, width = picture.shape[:2]
        size = (width * self.scale, height * self.scale)
        # np.array copies: a view of Pillow's buffer is read-only, which dlib refuses
        return np.array(Image.fromarray(picture).resize(size, self.resample))


INTERPOLATORS: Final = {
    name: Interpolator(name, resample)
    for name, resample in (
        ("nearest", Image.Resampling.NEAREST),
        ("bilinear", Image.Resampling.BILINEAR),
        ("bicubic", Image.Resampling.BICUBIC),
        ("lanczos", Image.Resampling.LANCZOS),
    )
}
"""Name -> interpolator, in the order of their support."""
