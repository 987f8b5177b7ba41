"""Self-ensemble over the mirror image: what EDSR calls `+`, kept to the one symmetry of faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from data.images.rgb import RGB
from pipeline.upscalers.base import Upscaler, restore

ENSEMBLE: Final = "+"
"""After the name of a network."""


@dataclass(frozen=True, slots=True)
class MirrorEnsemble:
    """The mean of what `inner` makes of an image and of its mirror image, at twice the time."""

    inner: Upscaler

    @property
    def name(self) -> str:
        """The network's own name and `+`."""
        return self.inner.name + ENSEMBLE

    @property
    def scale(self) -> int:
        """The network's own."""
        return self.inner.scale

    @property
    def oracle(self) -> bool:
        """The network's own."""
        return self.inner.oracle

    def __call__(self, images: Sequence[RGB]) -> list[RGB]:
        """See `Upscaler.__call__`."""
        return _means(self.inner([*images, *map(_mirrored, images)]))

    def restore_seeing(self, lr: Sequence[RGB], hr: Sequence[RGB]) -> list[RGB]:
        """See `OracleUpscaler.restore_seeing`."""
        both = [*lr, *map(_mirrored, lr)], [*hr, *map(_mirrored, hr)]
        return _means(restore(self.inner, *both))


def _mirrored(rgb: RGB) -> RGB:
    return np.ascontiguousarray(rgb[:, ::-1])


def _means(made: Sequence[RGB]) -> list[RGB]:
    """The mean of each image of the first half and its mirror image of the second, rounded."""
    half = len(made) // 2
    return [
        ((plain.astype(np.uint16) + mirror[:, ::-1] + 1) // 2).astype(np.uint8)
        for plain, mirror in zip(made[:half], made[half:], strict=True)
    ]
