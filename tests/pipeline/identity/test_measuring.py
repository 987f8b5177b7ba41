import numpy as np
import pytest

from pipeline.identity.measuring import Attempts, attempts, outcome, thresholds
from pipeline.identity.normalise import Cohort, load_cohort


def people(count: int, seed: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Gallery and probe embeddings of people who are drawn at random."""
    draw = np.random.default_rng(seed)
    known = draw.normal(size=(count, 128))
    return known.astype(np.float32), (known + draw.normal(0, noise, known.shape)).astype(np.float32)


def tried(count: int, seed: int, size: int) -> Attempts:
    cohort = Cohort.of(np.random.default_rng(9).normal(size=(800, 128)).astype(np.float32), 400)
    known, probes = people(count, seed, 1.6)
    names = [str(i) for i in range(count)]
    own = np.zeros(count, bool)
    return attempts(cohort.similarities(probes, known), names, names, own, size=size)


def test_thresholds_hold_for_other_people() -> None:
    chosen = thresholds(tried(300, 0, 50), 0.05)
    assert chosen is not None
    right, wrong, strangers = outcome(tried(300, 1, 50), *chosen)
    assert strangers <= 0.08
    assert right > 0.3
    assert wrong <= 0.03


def test_too_few_strangers_give_no_threshold() -> None:
    assert thresholds(tried(40, 0, 10), 0.01) is None
    with pytest.raises(ValueError, match="no stranger"):
        tried(40, 0, 40)


def test_a_probe_of_the_gallerys_own_image_is_never_known() -> None:
    similar = np.random.default_rng(0).normal(size=(20, 20)).astype(np.float32)
    names = [str(i) for i in range(20)]
    found = attempts(similar, names, names, np.ones(20, bool), size=5)
    assert not found.known.any()
    assert len(found.known) > 0


def test_normalised_similarities_are_symmetric_and_know_a_person() -> None:
    cohort = load_cohort()
    draw = np.random.default_rng(0)
    a, b = (cohort.mean + draw.normal(0, 0.04, (5, 128)).astype(np.float32) for _ in range(2))
    np.testing.assert_allclose(
        cohort.similarities(a, b), cohort.similarities(b, a).T, rtol=1e-3, atol=1e-3
    )
    assert (cohort.similarities(a, a).argmax(1) == np.arange(5)).all()


def test_a_cohort_holds_directions_of_length_one() -> None:
    lengths = np.linalg.norm(load_cohort().directions, axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-2)
    with pytest.raises(ValueError, match="directions"):
        Cohort(np.zeros(128, np.float32), np.zeros((3, 5), np.float32))
