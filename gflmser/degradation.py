"""How a high-resolution face becomes a low one during training, besides H2L itself.

`bicubic` is Pillow's, antialiased, as in Table 4. `camera` is what a cheap camera does: blur, a
resize kernel drawn at random, sensor noise and JPEG. Low light (`dimmed`) falls on the scene, so
that the target has it too: a restorer that brightens what is dark would guess at complexions.
"""

from __future__ import annotations

from io import BytesIO
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

_KERNELS: Final = (
    Image.Resampling.BICUBIC,
    Image.Resampling.BILINEAR,
    Image.Resampling.BOX,
    Image.Resampling.LANCZOS,
    Image.Resampling.HAMMING,
)


def bicubic(hr: Image.Image, side: int) -> NDArray[np.uint8]:
    """`hr` reduced to `(side, side, 3)` with Pillow's antialiased bicubic."""
    return np.asarray(hr.resize((side, side), Image.Resampling.BICUBIC))


def dimmed(hr: Image.Image, rng: np.random.Generator) -> Image.Image:
    """`hr` as it looks in less light, in three cases of ten; else unchanged."""
    if rng.random() >= 0.3:
        return hr
    power, gain = float(rng.uniform(1.0, 1.8)), float(rng.uniform(0.4, 1.0))
    levels = np.rint(255 * gain * (np.arange(256) / 255) ** power).astype(int)
    return hr.point([*levels.tolist()] * 3)


def camera(hr: Image.Image, side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """`hr` reduced to `(side, side, 3)` as a cheap camera would; random by `rng` alone."""
    image = hr
    if rng.random() < 0.6:
        image = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.2, 1.8))))
    kernel = _KERNELS[int(rng.integers(len(_KERNELS)))]
    low = np.asarray(image.resize((side, side), kernel), np.float32) / 255
    shot, read = float(rng.uniform(0, 0.02)), float(rng.uniform(0, 0.02))
    deviation = np.sqrt(low * shot**2 + read**2)
    low = low + rng.standard_normal(low.shape, np.float32) * deviation
    pixels = np.clip(np.rint(low * 255), 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        file = BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=int(rng.integers(50, 96)))
        with Image.open(file) as opened:
            pixels = np.asarray(opened.convert("RGB"))
    return pixels
