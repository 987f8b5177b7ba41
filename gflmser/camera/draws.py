"""Random numbers of a batch of samples, each from a generator of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import torch
from torch import Tensor

_COLUMNS: Final = 64


class Draws:
    """One value a sample at each call; sample i depends on its seed alone, not on its neighbours.

    A chain that asks in the same order gets the same numbers, on whatever device.
    """

    def __init__(
        self, seeds: Sequence[int | Sequence[int]], device: torch.device | str = "cpu"
    ) -> None:
        self._generators = [np.random.default_rng(seed) for seed in seeds]
        rows = np.stack([g.random(_COLUMNS, np.float32) for g in self._generators])
        self._columns = torch.from_numpy(rows).to(device)
        self._used = 0

    def __len__(self) -> int:
        return len(self._generators)

    def unit(self) -> Tensor:
        """`(N,)` uniform in [0, 1)."""
        column = self._columns[:, self._used]
        self._used += 1
        return column

    def chance(self, share: float) -> Tensor:
        """`(N,)` bool, true with probability `share`."""
        return self.unit() < share

    def uniform(self, low: float, high: float) -> Tensor:
        """`(N,)` uniform between the two."""
        return low + (high - low) * self.unit()

    def log_uniform(self, low: float, high: float) -> Tensor:
        """`(N,)`, its logarithm uniform between those of the two."""
        return low * (high / low) ** self.unit()

    def choice(self, shares: Sequence[float]) -> Tensor:
        """`(N,)` index of a share; `len(shares)` where the shares sum to less than 1."""
        edges = torch.tensor(shares, device=self._columns.device).cumsum(0)
        return torch.searchsorted(edges, self.unit().contiguous(), right=True)

    def normal(self, *shape: int) -> Tensor:
        """`(N, *shape)` standard normal."""
        made = [g.standard_normal(shape, np.float32) for g in self._generators]
        return torch.from_numpy(np.stack(made)).to(self._columns.device)


def applied(
    step: Callable[..., Tensor], chosen: Tensor, images: Tensor, *parameters: Tensor
) -> Tensor:
    """`step(images, *parameters)` for the samples that are `chosen` `(N,)`, the others as they are.

    On a CPU nothing is computed for the others; elsewhere shapes that never change are faster.
    """
    if images.device.type != "cpu":
        return where(chosen, step(images, *parameters), images)
    rows = chosen.nonzero()[:, 0]
    if not len(rows):
        return images
    return images.index_copy(0, rows, step(images[rows], *(p[rows] for p in parameters)))


def where(chosen: Tensor, changed: Tensor, kept: Tensor) -> Tensor:
    """`changed` for the samples that are `chosen` `(N,)`, `kept` for the others."""
    return torch.where(chosen.view(-1, *[1] * (kept.dim() - 1)), changed, kept)


def spread(values: Tensor) -> Tensor:
    """`(N,)` to `(N, 1, 1, 1)`, to be multiplied with images."""
    return values.view(-1, 1, 1, 1)
