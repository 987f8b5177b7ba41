"""Weights that see the ground truth: for the tables of the paper, never for a wild image."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import numpy as np

from data.errors import ModelError
from data.images.rgb import RGB
from gflmser.restore import Restorer

_PIXELS: Final = 4096
"""Input pixels per pass; every pass over images of one size has the same number of them."""


class OracleNetwork:
    """An `OracleUpscaler` around a GFLmser whose card says oracle."""

    oracle: Final = True

    def __init__(self, restorer: Restorer, threads: int | None = None) -> None:
        self.name = restorer.name if "oracle" in restorer.name else f"{restorer.name}-oracle"
        self.scale = restorer.scale
        self._restorer = restorer
        if threads is not None:
            import torch

            torch.set_num_threads(threads)

    def __call__(self, images: Sequence[RGB]) -> list[RGB]:
        """Refuse: without the ground truth there is nothing to restore from."""
        raise ModelError(f"{self.name} is an oracle: it restores nothing without the ground truth")

    def restore_seeing(self, lr: Sequence[RGB], hr: Sequence[RGB]) -> list[RGB]:
        """See `OracleUpscaler.restore_seeing`."""
        groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for index, image in enumerate(lr):
            groups[image.shape].append(index)
        made: dict[int, RGB] = {}
        for shape, indices in groups.items():
            size = max(1, _PIXELS // (shape[0] * shape[1]))
            for at in range(0, len(indices), size):
                now = indices[at : at + size]
                filled = now + now[-1:] * (size - len(now))
                images = self._restorer(
                    np.stack([lr[i] for i in filled]), np.stack([hr[i] for i in filled])
                )
                made |= {i: np.ascontiguousarray(images[j]) for j, i in enumerate(now)}
        return [made[index] for index in range(len(lr))]
