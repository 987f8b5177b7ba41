from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from data.errors import ModelError
from pipeline.identity.cohorts import Cohorts, View, load_cohorts, tensors_of
from pipeline.identity.measuring import Attempts, attempts, outcome, thresholds
from pipeline.identity.normalise import Cohort, standings


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


def test_a_gallery_of_one_has_a_threshold_of_its_own() -> None:
    one = tried(120, 0, 1)
    assert np.isinf(one.margin).all()
    chosen = thresholds(one, 0.05)
    assert chosen is not None
    right, wrong, strangers = outcome(one, *chosen)
    assert wrong == 0
    assert strangers <= 0.05
    assert right > 0.3


def test_a_face_that_is_like_many_people_stands_out_less() -> None:
    alone = np.array([[5.0, -4.0, -4.0, -4.0]], np.float32)
    like_many = np.array([[5.0, 4.0, 4.0, 4.0]], np.float32)
    assert standings(alone)[0] == pytest.approx(9.5)
    assert standings(like_many)[0] == pytest.approx(5.5)


def test_only_the_next_nine_people_count() -> None:
    draw = np.random.default_rng(0)
    similar = np.sort(draw.normal(size=(6, 40)).astype(np.float32), axis=1)
    shuffled = similar[:, draw.permutation(40)]
    np.testing.assert_allclose(standings(shuffled), standings(similar[:, -10:]), rtol=1e-5)
    np.testing.assert_array_equal(standings(similar[:, -1:]), similar[:, -1])


def test_standings_know_more_people_at_equal_strangers() -> None:
    """Probes differ in how alike they are to everybody, as poor images do."""
    draw = np.random.default_rng(4)
    similar = draw.normal(size=(2000, 100)) + draw.normal(0, 1.5, (2000, 1))
    known = np.arange(1000)
    similar[known, known % 100] += 4.0
    rows = similar.astype(np.float32)

    def right(evidence: np.ndarray) -> float:
        least = np.quantile(evidence[1000:], 0.99)
        named = (evidence >= least) & (rows.argmax(1) == np.arange(2000) % 100)
        return float(named[:1000].mean())

    assert right(standings(rows)) > right(rows.max(1)) + 0.05


def test_normalised_similarities_are_symmetric_and_know_a_person() -> None:
    cohort = load_cohorts().plain
    draw = np.random.default_rng(0)
    a, b = (cohort.mean + draw.normal(0, 0.04, (5, 128)).astype(np.float32) for _ in range(2))
    np.testing.assert_allclose(
        cohort.similarities(a, b), cohort.similarities(b, a).T, rtol=1e-3, atol=1e-3
    )
    assert (cohort.similarities(a, a).argmax(1) == np.arange(5)).all()


def test_a_cohort_holds_directions_of_length_one() -> None:
    for cohort in (load_cohorts().plain, *load_cohorts().views.values()):
        np.testing.assert_allclose(np.linalg.norm(cohort.directions, axis=1), 1, atol=1e-2)
    with pytest.raises(ValueError, match="directions"):
        Cohort(np.zeros(128, np.float32), np.zeros((3, 5), np.float32))


def drawn(seed: int, members: int = 300) -> Cohort:
    faces = np.random.default_rng(seed).normal(size=(800, 128)).astype(np.float32)
    return Cohort.of(faces, members)


def test_a_gallery_seen_as_the_probes_are_knows_its_people_better() -> None:
    """A view moves everybody by a shift and blurs who they are: seen alike, they are alike."""
    draw = np.random.default_rng(3)
    known = draw.normal(size=(60, 128)).astype(np.float32)
    shift, mixing = draw.normal(size=128), np.eye(128) + draw.normal(0, 0.11, (128, 128))

    def far(noise: float) -> np.ndarray:
        seen = known @ mixing + shift + draw.normal(0, noise, known.shape)
        return np.asarray(seen, np.float32)

    crowd = draw.normal(size=(800, 128)) @ mixing + shift
    view = View("gflmser", 11.0)
    cohorts = Cohorts(drawn(9), {view: Cohort.of(crowd.astype(np.float32), 300)})
    probes = far(1.5)

    def separation(seen: np.ndarray | None) -> float:
        similar = cohorts.similarities(probes, known, view, seen)
        others = similar[~np.eye(len(known), dtype=bool)]
        return float((np.diag(similar).mean() - others.mean()) / others.std())

    assert separation(far(0.5)) > 1.2 * separation(None)


def test_the_nearest_view_by_ratio_is_taken() -> None:
    views = {View("gflmser", width): drawn(1) for width in (10.0, 20.0)}
    cohorts = Cohorts(drawn(2), views)
    assert cohorts.view("gflmser", 14.0) == View("gflmser", 10.0)
    assert cohorts.view("gflmser", 15.0) == View("gflmser", 20.0)
    assert cohorts.view("bicubic", 15.0) is None
    assert cohorts.view("gflmser", 0.0) is None


def test_cohorts_are_read_back_and_known_by_their_hash(tmp_path: Path) -> None:
    made = Cohorts(drawn(1), {View("a.b-c@x", 10.5): drawn(2)})
    save_file(tensors_of(made), tmp_path / "c.safetensors")
    again = load_cohorts(tmp_path / "c.safetensors")
    assert again.views.keys() == made.views.keys()
    assert again.fingerprint("a.b-c@x") == made.fingerprint("a.b-c@x")
    assert made.fingerprint("a.b-c@x") != made.fingerprint("bicubic")
    save_file({"other/mean": made.plain.mean}, tmp_path / "d.safetensors")
    with pytest.raises(ModelError, match=r"d\.safetensors: not cohorts"):
        load_cohorts(tmp_path / "d.safetensors")
