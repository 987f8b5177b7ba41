"""THE bootstrap: 95 % intervals of a figure over images.

`bootstrap_interval` is for means over images; `ratios` is for recall and precision, which divide
two sums. Both draw images with replacement and take percentiles.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from math import nan
from typing import Final, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

DRAWS: Final = 2000
_CHUNK: Final = 4_000_000
"""Draws of `ratios` held in memory at once."""
_PICKS: Final = 2_000_000
"""Picks of `bootstrap_interval` held in memory at once: bounds it over any number of images."""

Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Interval:
    """A closed interval; both ends are NaN where there was nothing to resample."""

    lo: float
    hi: float


def bootstrap_interval(
    values: ArrayLike, *, seed: int, level: float = 0.95, resamples: int = DRAWS
) -> Interval:
    """Percentile bootstrap interval of the mean of `values`, one value for each picture.

    NaN values (pictures that the figure does not apply to) are left out first. The same values,
    in any order, and the same seed give the same interval. For the difference between two methods
    on the same pictures pass the differences.
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must lie between 0 and 1, not {level}")
    data = np.sort(finite(values))
    if data.size == 0:
        return Interval(nan, nan)
    if data[0] == data[-1]:
        return Interval(float(data[0]), float(data[0]))
    means = _resampled_means(data, np.random.default_rng(seed), resamples)
    lo, hi = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(lo), float(hi))


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


def _resampled_means(
    data: NDArray[np.float64], rng: np.random.Generator, resamples: int
) -> NDArray[np.float64]:
    if np.isin(data, (0.0, 1.0)).all():
        # Resampled zeros and ones: their sum is a binomial count, and drawn as one far faster.
        return rng.binomial(data.size, data.mean(), resamples) / data.size
    means = np.empty(resamples)
    step = max(1, _PICKS // data.size)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        picks = rng.integers(0, data.size, (rows, data.size), dtype=np.int32)
        means[start : start + rows] = data[picks].mean(axis=1)
    return means


def finite(values: ArrayLike) -> NDArray[np.float64]:
    """The values as `(n,)` float64 without NaN."""
    data = np.asarray(values, np.float64).ravel()
    return data[~np.isnan(data)]
