"""Random numbers of a batch of samples, each from a seed of its own."""

from __future__ import annotations

import math
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


class HashedDraws(Draws):
    """As `Draws`, by hashing each sample's key: all of a batch at once, on the device of the keys.

    `keys` are `(N,)` int64 and all different; see `sample_keys`. The numbers differ from those of
    `Draws`. The hash is SplitMix64's (Steele, Lea and Flood, 2014).

    Example:
        draws = HashedDraws(sample_keys((seed, step), rows))
    """

    def __init__(self, keys: Tensor) -> None:
        self._keys, self._used = keys, 0
        self._drawn = 0
        self._columns = self._uniform(_COLUMNS)

    def __len__(self) -> int:
        return len(self._keys)

    def normal(self, *shape: int) -> Tensor:
        """`(N, *shape)` standard normal, by Box and Muller."""
        bits = self._bits(math.prod(shape))
        near, angle = _fraction(bits, 40), _fraction(bits, 16)
        made: Tensor = (-2 * torch.log1p(-near)).sqrt() * torch.cos(2 * math.pi * angle)
        return made.view(-1, *shape)

    def _uniform(self, count: int) -> Tensor:
        return _fraction(self._bits(count), 40)

    def _bits(self, count: int) -> Tensor:
        """`(N, count)` hashes that were not drawn before."""
        first, self._drawn = self._drawn, self._drawn + count
        counters = torch.arange(first + 1, self._drawn + 1, device=self._keys.device)
        return _mixed(self._keys.view(-1, 1) + counters * _GOLDEN)


_GOLDEN: Final = 0x9E3779B97F4A7C15 - 2**64
_FIRST: Final = 0xBF58476D1CE4E5B9 - 2**64
_SECOND: Final = 0x94D049BB133111EB - 2**64


def sample_keys(step: Sequence[int], rows: Tensor) -> Tensor:
    """Keys `(N,)` int64 for `HashedDraws`: of samples `rows` `(N,)` in a step of a training."""
    start = int(np.random.SeedSequence(step).generate_state(1, np.uint64)[0] >> np.uint64(1))
    return _mixed(_mixed(rows.to(torch.int64) * _GOLDEN + start))


def _mixed(x: Tensor) -> Tensor:
    """SplitMix64's last steps; products wrap, as they must."""
    x = (x ^ _shifted(x, 30)) * _FIRST
    x = (x ^ _shifted(x, 27)) * _SECOND
    mixed: Tensor = x ^ _shifted(x, 31)
    return mixed


def _shifted(x: Tensor, by: int) -> Tensor:
    """Shift to the right without the sign."""
    return (x >> by) & ((1 << (64 - by)) - 1)


def _fraction(bits: Tensor, lowest: int) -> Tensor:
    """24 bits of each hash as a number in [0, 1)."""
    return ((bits >> lowest) & 0xFFFFFF).to(torch.float32) / 2**24


def applied(
    step: Callable[..., Tensor],
    chosen: Tensor,
    images: Tensor,
    *parameters: Tensor,
    off_device: bool = False,
) -> Tensor:
    """`step(images, *parameters)` for the samples that are `chosen` `(N,)`, the others as they are.

    On a CPU nothing is computed for the others, nor where `step` leaves the device. Elsewhere
    shapes that never change are faster.
    """
    if images.device.type != "cpu" and not off_device:
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
