"""People are drawn once, probes are small, and every probe is counted once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.image_sets import ImageSet
from benchmarks.measuring.named_strangers import OPTICS, answers_of, counted, drawn
from benchmarks.named_strangers import as_markdown, lines_of
from data.images.files import load_rgb
from data.prepared import DatasetImage
from pipeline.identity.gallery import Gallery


def of(path: Path, identity: str, number: int = 0) -> DatasetImage:
    return DatasetImage(f"{identity}/{number}.jpg", identity, path.read_bytes)


@pytest.fixture(scope="module")
def people(samples: Path) -> ImageSet:
    biden = [of(samples / name, "Biden", i) for i, name in enumerate(("biden.jpg", "biden2.jpg"))]
    return ImageSet("two", (*biden, of(samples / "obama.jpg", "Obama")))


def test_nobody_is_both_known_and_a_stranger(people: ImageSet) -> None:
    plan = drawn(people, people=1, strangers=5, seed=0)
    assert [one.key for one in (*plan.gallery, *plan.known)] == ["Biden/0.jpg", "Biden/1.jpg"]
    assert [one.identity for one in plan.strangers] == ["Obama"]
    assert plan.several == ()


@pytest.mark.parametrize("name", OPTICS)
def test_a_distant_camera_is_grey_small_and_repeatable(name: str, samples: Path) -> None:
    optics = OPTICS[name]
    rgb = load_rgb(samples / "obama.jpg")
    seen = optics(rgb, "a", 0)
    assert seen.shape == (optics.height, optics.width, 3)
    assert np.ptp(seen, axis=2).max() == 0
    np.testing.assert_array_equal(seen, optics(rgb, "a", 0))
    assert (seen != optics(rgb, "a", 1)).any()


def test_answers_are_those_of_identify(people: ImageSet, samples: Path, tmp_path: Path) -> None:
    (tmp_path / "Biden").mkdir()
    (tmp_path / "Biden" / "a.jpg").write_bytes((samples / "biden.jpg").read_bytes())
    gallery = Gallery.from_folder(tmp_path)
    plan = drawn(people, people=1, strangers=1, seed=0)
    (line,) = lines_of(plan, gallery, ["clean"], "bicubic", draw=0)
    assert (line.known.probes, line.strangers.probes) == (1, 1)
    assert line.known.rank_1 == line.known.found  # there is nobody else
    assert sum(line.reasons.values()) == line.known.found
    assert "| clean | 1 |" in as_markdown([line])


def test_frames_of_a_person_are_one_track(people: ImageSet, samples: Path, tmp_path: Path) -> None:
    (tmp_path / "g" / "Biden").mkdir(parents=True)
    (tmp_path / "g" / "Biden" / "a.jpg").write_bytes((samples / "biden.jpg").read_bytes())
    gallery = Gallery.from_folder(tmp_path / "g")
    both = (people.images[1], people.images[1])
    answers, truth = answers_of(
        [both], "clean", gallery, tmp_path / "out", upscaler="bicubic", seed=0
    )
    assert len(answers) == 1
    assert answers[0].frames == len(truth) == 2
    assert counted(answers, {answers[0].image: "Biden"}, gallery.people).found == 1
