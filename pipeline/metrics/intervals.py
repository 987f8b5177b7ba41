"""Intervals of ratios of sums, by drawing pictures anew.

`stats.bootstrap_interval` is for means over pictures; recall and precision divide two sums.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from math import nan
from typing import Final, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

DRAWS: Final = 2000
_CHUNK: Final = 4_000_000
"""Draws held in memory at once."""

Name = TypeVar("Name", bound=Hashable)


def ratios(
    sums: Mapping[Name, tuple[ArrayLike, ArrayLike]], *, seed: int, level: float = 0.95
) -> dict[Name, tuple[float, float, float]]:
    """`sum(above) / sum(below)` with the ends of its interval, for each `(above, below)`.

    The arrays hold one value per picture, `(n,)`; pictures are drawn with replacement, the same
    draws for every ratio. All three are NaN where `below` sums to 0.
    """
    both = np.array([[np.asarray(a, float), np.asarray(b, float)] for a, b in sums.values()])
    columns = both.reshape(2 * len(sums), -1).T
    drawn = _drawn_sums(columns, seed).reshape(DRAWS, len(sums), 2)
    tails = [(1 - level) / 2, (1 + level) / 2]
    found = {}
    for i, (name, (above, below)) in enumerate(zip(sums, both.sum(axis=2), strict=True)):
        if below == 0:
            found[name] = (nan, nan, nan)
            continue
        some = drawn[drawn[:, i, 1] > 0, i]
        low, high = np.quantile(some[:, 0] / some[:, 1], tails)
        found[name] = (float(above / below), float(low), float(high))
    return found


def _drawn_sums(columns: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Sums of each column `(n, k)` over every draw of n pictures: `(DRAWS, k)`."""
    rng = np.random.default_rng(seed)
    n = len(columns)
    step = max(1, _CHUNK // n)
    parts = [
        rng.multinomial(n, np.full(n, 1 / n), size=min(step, DRAWS - start)) @ columns
        for start in range(0, DRAWS, step)
    ]
    return np.concatenate(parts)
