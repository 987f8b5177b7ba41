"""The tests of Table 2: whether two methods differ."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.metrics.intervals import finite


@dataclass(frozen=True, slots=True)
class TestResult:
    """A test's statistic and its two-sided p value; both NaN where the test is undefined."""

    __test__ = False

    statistic: float
    p: float


def t_test(a: ArrayLike, b: ArrayLike) -> TestResult:
    """Welch's t-test that the means of two independent samples are equal."""
    from scipy.stats import ttest_ind

    found = ttest_ind(finite(a), finite(b), equal_var=False)
    return TestResult(float(found.statistic), float(found.pvalue))


def t_test_paired(a: ArrayLike, b: ArrayLike) -> TestResult:
    """t-test that the mean difference is zero; `a[i]` and `b[i]` are of one image."""
    from scipy.stats import ttest_rel

    found = ttest_rel(*_pairs(a, b))
    return TestResult(float(found.statistic), float(found.pvalue))


def wilcoxon_rank_sum(a: ArrayLike, b: ArrayLike) -> TestResult:
    """Wilcoxon's rank sum test of two independent samples, by its normal approximation."""
    from scipy.stats import ranksums

    found = ranksums(finite(a), finite(b))
    return TestResult(float(found.statistic), float(found.pvalue))


def wilcoxon_signed_rank(a: ArrayLike, b: ArrayLike) -> TestResult:
    """Wilcoxon's test for pairs, ties of zero left out; p is 1 where all pairs are equal."""
    from scipy.stats import wilcoxon

    first, second = _pairs(a, b)
    if first.size and np.array_equal(first, second):
        return TestResult(0.0, 1.0)
    found = wilcoxon(first, second)
    return TestResult(float(found.statistic), float(found.pvalue))


def _pairs(a: ArrayLike, b: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    first, second = np.asarray(a, np.float64).ravel(), np.asarray(b, np.float64).ravel()
    if first.shape != second.shape:
        raise ValueError(f"pairs are needed, not {first.size} and {second.size} values")
    both = ~(np.isnan(first) | np.isnan(second))
    return first[both], second[both]
