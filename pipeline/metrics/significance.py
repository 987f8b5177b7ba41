"""How sure a figure is: bootstrap intervals over pictures, and the tests of Table 2."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES: Final = 2000
_CHUNK: Final = 2_000_000
"""Picks held in memory at once: bounds a bootstrap over any number of pictures."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A closed interval; both ends are NaN where there was nothing to resample."""

    lo: float
    hi: float


@dataclass(frozen=True, slots=True)
class TestResult:
    """A test's statistic and its two-sided p value; both NaN where the test is undefined."""

    __test__ = False

    statistic: float
    p: float


def bootstrap_interval(
    values: ArrayLike, *, seed: int, level: float = 0.95, resamples: int = RESAMPLES
) -> Interval:
    """Percentile bootstrap interval of the mean of `values`, one value for each picture.

    NaN values (pictures that the figure does not apply to) are left out first. The same values,
    in any order, and the same seed give the same interval. For the difference between two methods
    on the same pictures pass the differences.
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must lie between 0 and 1, not {level}")
    data = np.sort(_finite(values))
    if data.size == 0:
        return Interval(math.nan, math.nan)
    if data[0] == data[-1]:
        return Interval(float(data[0]), float(data[0]))
    means = _resampled_means(data, np.random.default_rng(seed), resamples)
    lo, hi = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(lo), float(hi))


def t_test(a: ArrayLike, b: ArrayLike) -> TestResult:
    """Welch's t-test that the means of two independent samples are equal."""
    from scipy.stats import ttest_ind

    found = ttest_ind(_finite(a), _finite(b), equal_var=False)
    return TestResult(float(found.statistic), float(found.pvalue))


def t_test_paired(a: ArrayLike, b: ArrayLike) -> TestResult:
    """t-test that the mean difference is zero; `a[i]` and `b[i]` are of one picture."""
    from scipy.stats import ttest_rel

    found = ttest_rel(*_pairs(a, b))
    return TestResult(float(found.statistic), float(found.pvalue))


def wilcoxon_rank_sum(a: ArrayLike, b: ArrayLike) -> TestResult:
    """Wilcoxon's rank sum test of two independent samples, by its normal approximation."""
    from scipy.stats import ranksums

    found = ranksums(_finite(a), _finite(b))
    return TestResult(float(found.statistic), float(found.pvalue))


def wilcoxon_signed_rank(a: ArrayLike, b: ArrayLike) -> TestResult:
    """Wilcoxon's test for pairs, ties of zero left out; p is 1 where all pairs are equal."""
    from scipy.stats import wilcoxon

    first, second = _pairs(a, b)
    if first.size and np.array_equal(first, second):
        return TestResult(0.0, 1.0)
    found = wilcoxon(first, second)
    return TestResult(float(found.statistic), float(found.pvalue))


def mcnemar(a: ArrayLike, b: ArrayLike) -> TestResult:
    """McNemar's exact test that two methods find equally many of the same pictures' faces.

    `a[i]` and `b[i]` say whether each found picture i's. The statistic is the number of pictures
    that only `a` found, out of those that just one of them did.
    """
    from scipy.stats import binomtest

    first, second = np.asarray(a, bool), np.asarray(b, bool)
    if first.shape != second.shape:
        raise ValueError(f"pairs are needed, not {first.size} and {second.size} values")
    only_a = int(np.sum(first & ~second))
    discordant = int(np.sum(first != second))
    p = float(binomtest(only_a, discordant).pvalue) if discordant else 1.0
    return TestResult(float(only_a), p)


def _resampled_means(
    data: NDArray[np.float64], rng: np.random.Generator, resamples: int
) -> NDArray[np.float64]:
    if np.isin(data, (0.0, 1.0)).all():
        # Resampled zeros and ones: their sum is a binomial count, and drawn as one far faster.
        return rng.binomial(data.size, data.mean(), resamples) / data.size
    means = np.empty(resamples)
    step = max(1, _CHUNK // data.size)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        picks = rng.integers(0, data.size, (rows, data.size), dtype=np.int32)
        means[start : start + rows] = data[picks].mean(axis=1)
    return means


def _finite(values: ArrayLike) -> NDArray[np.float64]:
    data = np.asarray(values, np.float64).ravel()
    return data[~np.isnan(data)]


def _pairs(a: ArrayLike, b: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    first, second = np.asarray(a, np.float64).ravel(), np.asarray(b, np.float64).ravel()
    if first.shape != second.shape:
        raise ValueError(f"pairs are needed, not {first.size} and {second.size} values")
    both = ~(np.isnan(first) | np.isnan(second))
    return first[both], second[both]
