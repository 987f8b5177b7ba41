import numpy as np
import pytest
from scipy.stats import bootstrap

from pipeline.metrics.intervals import ratios


@pytest.fixture(scope="module")
def counts() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    below = rng.integers(0, 6, 120)
    return rng.binomial(below, 0.7).astype(float), below.astype(float)


def test_intervals_agree_with_scipy(counts: tuple[np.ndarray, np.ndarray]) -> None:
    value, low, high = ratios({"x": counts}, seed=0)["x"]
    theirs = bootstrap(
        counts,
        lambda a, b, axis=-1: a.sum(axis=axis) / b.sum(axis=axis),
        paired=True, method="percentile", n_resamples=4000, rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    assert value == counts[0].sum() / counts[1].sum()
    assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=0.01)


def test_every_ratio_sees_the_same_draws(counts: tuple[np.ndarray, np.ndarray]) -> None:
    above, below = counts
    found = ratios({"x": (above, below), "rest": (below - above, below)}, seed=3)
    assert found["x"][1] == pytest.approx(1 - found["rest"][2])
    assert found["x"] == ratios({"x": (above, below)}, seed=3)["x"]


def test_many_images_are_drawn_in_parts(
    counts: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = ratios({"x": counts}, seed=0)
    monkeypatch.setattr("pipeline.metrics.intervals._CHUNK", 1000)
    assert ratios({"x": counts}, seed=0) == whole


def test_nothing_to_divide_by_is_nan(counts: tuple[np.ndarray, np.ndarray]) -> None:
    assert np.isnan(ratios({"x": (counts[0] * 0, counts[0] * 0)}, seed=0)["x"]).all()


def test_a_wider_level_is_a_wider_interval(counts: tuple[np.ndarray, np.ndarray]) -> None:
    narrow, wide = (ratios({"x": counts}, seed=0, level=level)["x"] for level in (0.8, 0.99))
    assert wide[1] < narrow[1] < narrow[0] < narrow[2] < wide[2]
