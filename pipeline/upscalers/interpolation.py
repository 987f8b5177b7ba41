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

    def __call__(self, images: Sequence[RGB]) -> list[RGB]:
        """Each image enlarged by `scale` with this filter, rounded and clipped by Pillow."""
        return [self._enlarge(image) for image in images]

    def _enlarge(self, image: RGB) -> RGB:
        height, width = image.shape[:2]
        size = (width * self.scale, height * self.scale)
        # np.array copies: a view of Pillow's buffer is read-only, which dlib refuses
        return np.array(Image.fromarray(image).resize(size, self.resample))


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
