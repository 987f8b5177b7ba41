"""THE intervals: 95 % of a figure over images or pairs. Nothing else resamples for an interval.

| figure | function |
| --- | --- |
| a mean over images | `bootstrap_interval` |
| recall or precision, a sum over another | `ratios` |
| any function of one or more samples | `resampled`, then `percentiles` |
| a distance that resampling biases | `picks`, then `centred` |
| a share of few faces | `wilson`, which needs no draws |

All but `wilson` draw with replacement and take percentiles (Efron and Tibshirani 1993, chapter 13).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from math import nan, sqrt
from statistics import NormalDist
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

DRAWS: Final = 2000
_CHUNK: Final = 4_000_000
"""Counts of `drawn_sums` held in memory at once."""
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
    """Percentile bootstrap interval of the mean of `values`, one value for each image.

    NaN values (images that the figure does not apply to) are left out first. The same values,
    in any order, and the same seed give the same interval. For the difference between two methods
    on the same images pass the differences.
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must lie between 0 and 1, not {level}")
    data = np.sort(finite(values))
    if data.size == 0:
        return Interval(nan, nan)
    if data[0] == data[-1]:
        return Interval(float(data[0]), float(data[0]))
    return percentiles(_resampled_means(data, np.random.default_rng(seed), resamples), level=level)


def ratios(
    sums: Mapping[Name, tuple[ArrayLike, ArrayLike]], *, seed: int, level: float = 0.95
) -> dict[Name, tuple[float, float, float]]:
    """`sum(above) / sum(below)` with the ends of its interval, for each `(above, below)`.

    The arrays hold one value per image, `(n,)`; images are drawn with replacement, the same
    draws for every ratio. All three are NaN where `below` sums to 0.
    """
    both = np.array([[np.asarray(a, float), np.asarray(b, float)] for a, b in sums.values()])
    columns = both.reshape(2 * len(sums), -1).T
    drawn = drawn_sums(columns, rng=np.random.default_rng(seed)).reshape(DRAWS, len(sums), 2)
    found = {}
    for i, (name, (above, below)) in enumerate(zip(sums, both.sum(axis=2), strict=True)):
        if below == 0:
            found[name] = (nan, nan, nan)
            continue
        some = drawn[drawn[:, i, 1] > 0, i]
        ends = percentiles(some[:, 0] / some[:, 1], level=level)
        found[name] = (float(above / below), ends.lo, ends.hi)
    return found


def resampled(
    figure: Callable[..., float],
    *samples: NDArray[Any],
    rng: np.random.Generator,
    draws: int = DRAWS,
) -> NDArray[np.float64]:
    """`figure(*samples)` on every draw: the rows of each sample `(n, ...)` with replacement."""
    return np.array(
        [figure(*(s[rng.integers(0, len(s), len(s))] for s in samples)) for _ in range(draws)]
    )


def percentiles(drawn: NDArray[np.float64], *, level: float = 0.95) -> Interval:
    """The middle `level` of a figure's draws; those that are NaN are left out."""
    lo, hi = np.nanquantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(lo), float(hi))


def centred(value: float, drawn: NDArray[np.float64], *, level: float = 0.95) -> Interval:
    """`percentiles` moved by what the mean of the draws lies off `value`; it holds `value`."""
    found, mean = percentiles(drawn, level=level), float(np.nanmean(drawn))
    return Interval(value + min(0.0, found.lo - mean), value + max(0.0, found.hi - mean))


def picks(n: int, *, rng: np.random.Generator, draws: int) -> NDArray[np.int32]:
    """Which of `n` images each draw takes: `(draws, n)` indices."""
    return rng.integers(0, n, (draws, n), dtype=np.int32)


def drawn_sums(
    columns: NDArray[np.float64], *, rng: np.random.Generator, draws: int = DRAWS
) -> NDArray[np.float64]:
    """Sums of each column `(n, k)` over every draw of n rows: `(draws, k)`."""
    n = len(columns)
    step = max(1, _CHUNK // n)
    parts = [
        rng.multinomial(n, np.full(n, 1 / n), size=min(step, draws - start)) @ columns
        for start in range(0, draws, step)
    ]
    return np.concatenate(parts)


def wilson(hits: int, n: int, *, level: float = 0.95) -> Interval:
    """Wilson's score interval (1927) of the share `hits / n`; 0 to 1 where `n` is 0.

    It keeps its level for few faces and for shares at 0 and 1, where resampling gives no width.

    >>> found = wilson(100, 100)
    >>> round(found.lo, 3), found.hi
    (0.963, 1.0)
    """
    if not n:
        return Interval(0.0, 1.0)
    z = NormalDist().inv_cdf((1 + level) / 2)
    share, spread = hits / n, z**2 / n
    middle = (share + spread / 2) / (1 + spread)
    half = z * sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    return Interval(max(0.0, middle - half), min(1.0, middle + half))


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
        drawn = picks(data.size, rng=rng, draws=rows)
        means[start : start + rows] = data[drawn].mean(axis=1)
    return means


def finite(values: ArrayLike) -> NDArray[np.float64]:
    """The values as `(n,)` float64 without NaN."""
    data = np.asarray(values, np.float64).ravel()
    return data[~np.isnan(data)]
