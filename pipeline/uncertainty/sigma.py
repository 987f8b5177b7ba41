"""Sigma: how far each pixel of a restored face may be from the truth, in grey levels.

The mean squared error of the image is predicted from `image_features`, and its distribution over
the pixels from `pixel_features`. A scale for each face width and degradation is measured, so that
95 % of the values lie within two sigma. All of it belongs to one file of weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.images.rgb import RGB
from pipeline.identity.quality import measure
from pipeline.uncertainty.features import image_features, pixel_features
from pipeline.uncertainty.quadratic import Quadratic

__all__ = ["BINS", "Certainty", "Sigma", "as_image", "size_bin"]

Floats = NDArray[np.float32]

BINS: Final = ((6.0, 10.0), (10.0, 16.0), (16.0, 24.0))
"""Widths of the face in pixels of the LR image, from and below; outside them nothing is known."""
LEVELS: Final = 4
"""Grey levels of the map's file for one level of sigma."""


@dataclass(frozen=True, slots=True, eq=False)
class Certainty:
    """What is known of one restored face."""

    sigma: Floats
    """`(kH, kW)`, grey levels of 255: 95 % of the values are within twice as much of the truth."""
    quality: float
    """Chance that dlib's embedding of the restored face is within 0.45 of the original's."""
    unusual: float
    """Share of the training faces that are more usual than this input; 1 is unlike all of them."""

    @property
    def mean(self) -> float:
        """One number for the image: the root of the mean square of sigma."""
        return float(np.sqrt((self.sigma**2).mean()))


@dataclass(frozen=True, eq=False)
class Sigma:
    """The prediction for one file of weights; make one with `load_sigma`."""

    image: Quadratic
    pixel: Quadratic
    quality: Quadratic
    """Log odds of the quality, of the image's features and its predicted error."""
    usual: Floats
    """Inverse covariance `(F, F)` of the training faces' features, about the mean of `image`."""
    distances: Floats
    """Quantiles `(101,)` of their squared Mahalanobis distances."""
    scales: Mapping[str, float]
    """By `key`."""

    def __call__(self, lr: RGB, sr: RGB, mirrored: RGB, face_px: float) -> Certainty | None:
        """What is known of `sr`, the restoration of `lr`, a face `face_px` wide in `lr`.

        `mirrored` is the restoration of the mirrored input, mirrored back. None where the face is
        of a width that was not calibrated.
        """
        scale = self.scales.get(key(lr, face_px))
        if scale is None:
            return None
        seen = image_features(lr, sr, mirrored)[None]
        level = self.image(seen)
        sigma = scale * self.unscaled(pixel_features(lr, sr, mirrored), level)
        odds = float(self.quality(np.append(seen, level[None], 1))[0])
        away = seen[0] - self.image.mean
        distance = float(away @ self.usual @ away)
        share = float(np.searchsorted(self.distances, distance)) / (len(self.distances) - 1)
        return Certainty(sigma, float(1 / (1 + np.exp(-odds))), min(1.0, share))

    def unscaled(self, pixels: Floats, level: Floats) -> Floats:
        """Sigma `(H, W)` before its scale; `level` `(1,)` is the log of the mean square error."""
        height, width, count = pixels.shape
        rows = np.empty((height * width, count + 1), np.float32)
        rows[:, :count] = pixels.reshape(-1, count)
        rows[:, count] = level
        share = np.exp(self.pixel(rows))
        power = np.exp(level) * share / share.mean()
        return np.asarray(np.sqrt(power).reshape(height, width), np.float32)


def size_bin(face_px: float) -> str | None:
    """The bin of a face's width, such as `10-16`; None outside of all."""
    return next((f"{low:g}-{high:g}" for low, high in BINS if low <= face_px < high), None)


def key(lr: RGB, face_px: float) -> str:
    """What the scale depends on: the face's width and how degraded the image looks."""
    return f"{size_bin(face_px)}:{measure(lr).bucket}"


def as_image(sigma: Floats) -> RGB:
    """The map as a grey image `(H, W, 3)`: `LEVELS` per level of sigma, white from 64 on."""
    grey = np.clip(sigma * LEVELS, 0, 255).round().astype(np.uint8)
    return np.ascontiguousarray(np.repeat(grey[:, :, None], 3, 2))
