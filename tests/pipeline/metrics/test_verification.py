import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from pipeline.metrics.verification import threshold_at_far, verification

distance = st.integers(0, 40).map(lambda value: value / 20)
pairs = st.lists(distance, min_size=1, max_size=60)


def draws(n: int, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    near = np.concatenate([rng.normal(0.45, 0.1, n), rng.normal(0.8, 0.1, n)])
    return near, np.repeat([True, False], n)


@given(pairs, st.sampled_from([0.01, 0.1, 0.3, 1.0]))
def test_the_threshold_accepts_no_more_than_the_share_and_cannot_be_larger(
    different: list[float], far: float
) -> None:
    values = np.array(different)
    threshold = threshold_at_far(values, far)
    larger = values[values > (-1 if threshold is None else threshold)]
    if threshold is not None:
        assert (values <= threshold).mean() <= far + 1e-9
    if larger.size:
        assert (values <= larger.min()).mean() > far


def test_a_threshold_is_never_infinite() -> None:
    assert threshold_at_far(np.array([np.inf] * 10), 0.5) is None
    assert threshold_at_far(np.array([0.5] + [np.inf] * 9), 0.5) == 0.5


@settings(max_examples=30, deadline=None)
@given(pairs, pairs)
def test_auc_agrees_with_scipy(same: list[float], different: list[float]) -> None:
    near = [*same, *different]
    labels = [True] * len(same) + [False] * len(different)
    u = mannwhitneyu(different, same).statistic / (len(same) * len(different))
    found = verification(near, labels)
    assert found.auc.value == pytest.approx(u)


def test_figures_agree_with_the_normal_distributions_they_are_drawn_from() -> None:
    from scipy.stats import norm

    found = verification(*draws(4000))
    at_1e_2 = norm(0.45, 0.1).cdf(norm(0.8, 0.1).ppf(0.01))
    at_1e_3 = norm(0.45, 0.1).cdf(norm(0.8, 0.1).ppf(0.001))
    best = norm.cdf(0.35 / 2 / 0.1)
    for estimate, truth, slack in (
        (found.tar_at_far_1e_2, at_1e_2, 0.02),
        (found.tar_at_far_1e_3, at_1e_3, 0.08),
        (found.accuracy, best, 0.01),
        (found.auc, norm.cdf(0.35 / np.sqrt(0.02)), 0.005),
    ):
        assert estimate.value is not None and estimate.lo is not None and estimate.hi is not None
        assert estimate.value == pytest.approx(truth, abs=slack)
        assert estimate.lo <= estimate.value <= estimate.hi
        assert estimate.lo - slack <= truth <= estimate.hi + slack
    assert found.notes == ("FAR 0.001 rests on 4 of 4000 different pairs",)


def test_too_few_impostors_give_no_figure_and_say_so() -> None:
    found = verification(*draws(500))
    assert found.tar_at_far_1e_2.value is not None
    assert found.tar_at_far_1e_3.value is None
    assert found.threshold_at_far_1e_3 is None
    assert found.notes == (
        "FAR 0.01 rests on 5 of 500 different pairs",
        "FAR 0.001 needs 1000 different pairs, there are 500",
    )
    row = json.loads(json.dumps(found.as_row(), allow_nan=False))
    assert row["tar_at_far_1e-3"] is None
    assert 0 <= row["verification_accuracy_lo"] <= row["verification_accuracy"] <= 1


def test_a_face_that_was_not_found_is_never_accepted() -> None:
    near, same = draws(1000)
    near[:500] = np.inf
    found = verification(near, same)
    assert found.tar_at_far_1e_2.value == pytest.approx(0.47, abs=0.04)
    assert verification(np.full(40, np.inf), np.arange(40) < 20).accuracy.value == 0.5


def test_the_order_of_pairs_and_the_seed_decide_nothing_but_the_draws() -> None:
    near, same = draws(300)
    assert verification(near, same, seed=1) == verification(near, same, seed=1)
    assert verification(near[::-1], same[::-1]).auc.value == verification(near, same).auc.value


@pytest.mark.parametrize(
    ("near", "same"),
    [([0.1, float("nan")], [True, False]), ([0.1], [True, False])],
    ids=["nan", "lengths"],
)
def test_pairs_that_cannot_be_judged_are_refused(near: list[float], same: list[bool]) -> None:
    with pytest.raises(ValueError, match="pairs"):
        verification(near, same)


@pytest.mark.parametrize("same", [[], [True, True], [False]])
def test_without_both_kinds_of_pairs_there_is_no_figure_but_a_note(same: list[bool]) -> None:
    row = verification([0.5] * len(same), same).as_row()
    assert row["verification_accuracy"] is None
    assert row["tar_at_far_1e-2"] is None
    assert "both are needed" in str(row["verification_notes"])
