"""Films are compared with another photograph of the person, and more frames help."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.image_sets import ImageSet
from benchmarks.measuring.fused_tracks import COUNTS, FILMS
from benchmarks.measuring.open_set import subjects_of
from benchmarks.track_identity import as_markdown, filmed, lines_of, pairs_of
from data.prepared import DatasetImage
from pipeline.identity.calibrate import known_of
from pipeline.identity.cohorts import load_cohorts
from pipeline.upscalers.loading import load_upscaler


@pytest.fixture(scope="module")
def images(samples: Path) -> ImageSet:
    names = {"Biden": ("biden.jpg", "biden2.jpg"), "Obama": ("obama.jpg",)}
    return ImageSet(
        "two",
        tuple(
            DatasetImage(f"{person}/{file}", person, (samples / file).read_bytes)
            for person, files in names.items()
            for file in files
        ),
    )


def test_the_film_is_of_another_image(images: ImageSet) -> None:
    first, second = pairs_of(images, 5)
    (a,), (b,) = first.images, second.images
    assert a.identity == b.identity == "Biden"
    assert a.key != b.key


def test_every_number_of_frames_has_a_row(images: ImageSet) -> None:
    upscale, cohorts = load_upscaler("bicubic"), load_cohorts()
    both = ImageSet("two", (images.images[1], images.images[2]))
    subjects = list(subjects_of(both))
    known = known_of(subjects, upscale, cohorts, cohorts.view("bicubic", 10.8))
    embedded = list(filmed(both, FILMS[1], upscale))
    assert [len(frames) for frames in embedded] == [8, 8]
    lines = list(lines_of(known, FILMS[1], embedded))
    assert [one.frames for one in lines] == list(COUNTS)
    assert all(one.tar is None for one in lines)  # two people decide no rate of 1 %
    assert lines[-1].rank_1 >= 0.5
    assert "| noise 10 | 8 | 2 |" in as_markdown(lines)
