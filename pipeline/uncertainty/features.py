"""What a sigma is predicted from: two restorations of an image, their input, and blind estimates.

Every figure is in grey levels of 255 and enters as its logarithm, where levels have one.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import uniform_filter

from data.images.rgb import RGB
from pipeline.identity.quality import measure

__all__ = ["IMAGE_NAMES", "PIXEL_NAMES", "image_features", "pixel_features"]

Floats = NDArray[np.float32]

_WIDE: Final = 9
_NEAR: Final = 3
_LUMA: Final = (0.299, 0.587, 0.114)
PIXEL_NAMES: Final = (
    *("mirror", "mirror_near", "mirror_wide", "added", "added_near", "added_wide"),
    *("edges", "edges_wide", "curves_wide", "light", "light_wide", "misfit"),
)
IMAGE_NAMES: Final = (
    *("mirror", "mirror_power", "added", "edges", "curves", "misfit", "light", "contrast"),
    *("noise", "sharpness", "blockiness", "grey", "lr_edges", "lr_grain"),
)


def pixel_features(lr: RGB, sr: RGB, mirrored: RGB) -> Floats:
    """`(H, W, 12)` for the restoration `sr` `(H, W, 3)` of `lr`; see `PIXEL_NAMES`.

    `mirrored` is the restoration of the mirrored input, mirrored back.
    """
    plain, other = sr.astype(np.float32), mirrored.astype(np.float32)
    mirror = np.abs(plain - other).mean(2)
    added = np.abs(plain - _resized(lr, sr)).mean(2)
    luma = plain @ np.array(_LUMA, np.float32)
    edges, curves = _edges(luma), _curves(luma)
    misfit = _resized_plane(_misfit(lr, sr), sr)
    light = _wide(luma, _WIDE)
    return np.stack(
        [
            *(_log(one) for one in (mirror, _wide(mirror, _NEAR), _wide(mirror, _WIDE))),
            *(_log(one) for one in (added, _wide(added, _NEAR), _wide(added, _WIDE))),
            *(_log(one) for one in (edges, _wide(edges, _WIDE), _wide(curves, _WIDE))),
            *(luma / 255, light / 255, _log(misfit)),
        ],
        axis=2,
    )


def image_features(lr: RGB, sr: RGB, mirrored: RGB) -> Floats:
    """`(14,)` for the same; see `IMAGE_NAMES`."""
    plain, other = sr.astype(np.float32), mirrored.astype(np.float32)
    difference = plain - other
    luma = plain @ np.array(_LUMA, np.float32)
    low = lr.astype(np.float32) @ np.array(_LUMA, np.float32)
    seen = measure(lr)
    figures = (
        np.abs(difference).mean(),
        np.sqrt((difference**2).mean()),
        np.abs(plain - _resized(lr, sr)).mean(),
        _edges(luma).mean(),
        _curves(luma).mean(),
        _misfit(lr, sr).mean(),
    )
    looks = (luma.mean() / 255, luma.std() / 64, np.log1p(seen.noise), seen.sharpness)
    more = (min(seen.blockiness, 4.0), float(seen.grey), _log(_edges(low).mean()))
    grain = _log(_curves(low).mean())
    return np.array([*(_log(one) for one in figures), *looks, *more, grain], np.float32)


def _log(levels: NDArray[np.floating] | np.floating) -> NDArray[np.float32]:
    return np.asarray(np.log(np.asarray(levels, np.float32) + 0.25), np.float32)


def _wide(plane: Floats, side: int) -> Floats:
    return np.asarray(uniform_filter(plane, side, mode="nearest"), np.float32)


def _edges(luma: Floats) -> Floats:
    down, across = np.gradient(luma)
    return np.asarray(np.hypot(down, across), np.float32)


def _curves(luma: Floats) -> Floats:
    padded = np.pad(luma, 1, "edge")
    around = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
    return np.asarray(np.abs(around - 4 * luma), np.float32)


def _resized(lr: RGB, like: RGB) -> Floats:
    """`lr` enlarged by Pillow's bicubic."""
    size = like.shape[1], like.shape[0]
    made = Image.fromarray(lr).resize(size, Image.Resampling.BICUBIC)
    return np.asarray(made, np.float32)


def _misfit(lr: RGB, sr: RGB) -> Floats:
    """How far `sr`, reduced, is from its input."""
    size = lr.shape[1], lr.shape[0]
    again = np.asarray(Image.fromarray(sr).resize(size, Image.Resampling.BICUBIC), np.float32)
    return np.asarray(np.abs(again - lr).mean(2), np.float32)


def _resized_plane(plane: Floats, like: RGB) -> Floats:
    size = like.shape[1], like.shape[0]
    made = Image.fromarray(plane).resize(size, Image.Resampling.BILINEAR)
    return np.asarray(made, np.float32)
