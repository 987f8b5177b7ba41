"""Intervals and tests: against scipy, closed forms, and the coverage that they promise."""

import math
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from pipeline.metrics.intervals import Interval, bootstrap_interval, wilson
from pipeline.metrics.significance import (
    t_test,
    t_test_paired,
    wilcoxon_rank_sum,
    wilcoxon_signed_rank,
)


@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
@pytest.mark.parametrize("binary", [False, True], ids=["figures", "hits and misses"])
def test_bootstrap_is_scipys_percentile_bootstrap(level: float, binary: bool) -> None:
    values = np.random.default_rng(1).gamma(2.0, 3.0, 200)
    if binary:
        values = (values > 4).astype(float)
    ours = bootstrap_interval(values, seed=0, level=level, resamples=20_000)
    theirs = scipy_stats.bootstrap(
        (values,), np.mean, method="percentile", confidence_level=level, n_resamples=20_000, rng=9
    ).confidence_interval
    spread = theirs.high - theirs.low
    assert ours.lo == pytest.approx(theirs.low, abs=0.05 * spread)
    assert ours.hi == pytest.approx(theirs.high, abs=0.05 * spread)


def test_bootstrap_covers_the_true_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    inside = 0
    for seed in range(200):
        found = bootstrap_interval(rng.random(100) < 0.7, seed=seed, resamples=400)
        inside += found.lo <= 0.7 <= found.hi
    assert 178 <= inside <= 199


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-100, 100), min_size=1, max_size=40), st.integers(0, 5), st.randoms())
def test_bootstrap_does_not_depend_on_order_or_chance(
    values: list[float], seed: int, random: Random
) -> None:
    found = bootstrap_interval(values, seed=seed, resamples=50)
    random.shuffle(values)
    assert bootstrap_interval(values, seed=seed, resamples=50) == found
    slack = 1e-9
    assert min(values) - slack <= found.lo <= found.hi <= max(values) + slack


def test_bootstrap_leaves_out_what_does_not_apply() -> None:
    assert bootstrap_interval([1.0, math.nan, 3.0], seed=3) == bootstrap_interval([1, 3], seed=3)
    nothing = bootstrap_interval([math.nan], seed=0)
    assert math.isnan(nothing.lo)
    assert math.isnan(nothing.hi)
    assert bootstrap_interval([0.25], seed=0) == Interval(0.25, 0.25)
    assert bootstrap_interval([True] * 9, seed=0) == Interval(1.0, 1.0)


def test_bootstrap_in_chunks_is_no_different(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(4).random(1000)
    whole = bootstrap_interval(values, seed=0)
    monkeypatch.setattr("pipeline.metrics.intervals._PICKS", 10_000)
    parts = bootstrap_interval(values, seed=0)
    assert parts.lo == pytest.approx(whole.lo, abs=1e-3)
    assert parts.hi == pytest.approx(whole.hi, abs=1e-3)


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0])
def test_bootstrap_refuses_a_level_outside_0_and_1(level: float) -> None:
    with pytest.raises(ValueError, match="level"):
        bootstrap_interval([1.0, 2.0], seed=0, level=level)


def test_t_test_is_welchs() -> None:
    a, b = [20.1, 22.3, 25.4, 19.8], [24.0, 26.1, 27.9, 25.5, 23.3]
    va, vb = np.var(a, ddof=1) / 4, np.var(b, ddof=1) / 5
    t = (np.mean(a) - np.mean(b)) / np.sqrt(va + vb)
    df = (va + vb) ** 2 / (va**2 / 3 + vb**2 / 4)
    found = t_test(a, b)
    assert found.statistic == pytest.approx(t)
    assert found.p == pytest.approx(2 * scipy_stats.t.sf(abs(t), df))


def test_rank_sum_is_that_of_the_textbook() -> None:
    a, b = [1.1, 2.2, 3.3, 4.4], [5.5, 6.6, 7.7, 0.5, 8.8]
    ranks = scipy_stats.rankdata(a + b)
    z = (ranks[:4].sum() - 4 * 10 / 2) / np.sqrt(4 * 5 * 10 / 12)
    found = wilcoxon_rank_sum(a, b)
    assert found.statistic == pytest.approx(z)
    assert found.p == pytest.approx(2 * scipy_stats.norm.sf(abs(z)))


def test_paired_tests_see_what_independent_ones_miss() -> None:
    rng = np.random.default_rng(5)
    a = rng.normal(24, 3, 60)
    b = a + rng.normal(0.3, 0.3, 60)
    assert t_test(a, b).p > 0.05
    assert t_test_paired(a, b).p < 1e-6
    assert wilcoxon_signed_rank(a, b).p < 1e-6


def test_pairs_with_a_missing_half_are_left_out() -> None:
    a, b = [1.0, math.nan, 3.0, 4.0, 6.0], [1.5, 2.0, 3.1, math.nan, 6.6]
    assert t_test_paired(a, b) == t_test_paired([1, 3, 6], [1.5, 3.1, 6.6])
    with pytest.raises(ValueError, match="pairs"):
        t_test_paired([1, 2], [1])


def test_equal_methods_are_not_significant() -> None:
    values = [0.1, 0.5, 0.9]
    assert wilcoxon_signed_rank(values, values).p == 1.0


@pytest.mark.parametrize(("hits", "n"), [(100, 100), (0, 20), (37, 41), (1, 3)])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_shares_have_wilsons_interval(hits: int, n: int, level: float) -> None:
    theirs = scipy_stats.binomtest(hits, n).proportion_ci(level, method="wilson")
    ours = wilson(hits, n, level=level)
    assert (ours.lo, ours.hi) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_a_share_of_nothing_may_be_anything() -> None:
    assert wilson(0, 0) == Interval(0.0, 1.0)
