"""TinyFace: 169,403 native low-resolution faces; 2,569 people are looked for among 157,871 images.

Cheng, Zhu and Gong 2018, Low-Resolution Face Recognition, ACCV. Faces are about 20x16 px.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from data.datasets.base import (
    Dataset,
    Report,
    file_image,
    guarded,
    image_files,
    miscounted,
    need,
)
from data.datasets.identification import Identification, Protocol, Role, Seen
from data.datasets.people_lists import listed_people, report_of_listed

_COUNTS: Final = {"Probe": 3_728, "Gallery_Match": 4_443, "Gallery_Distractor": 153_428}
_LISTS: Final[tuple[tuple[str, Role, str, str, str], ...]] = (
    ("Gallery_Match", "gallery", "gallery_match_img_ID_pairs.mat", "gallery_set", "gallery_ids"),
    ("Probe", "probe", "probe_img_ID_pairs.mat", "probe_set", "probe_ids"),
)


def _testing(root: Path) -> Path:
    inner = root / "tinyface" / "Testing_Set"
    return inner if inner.is_dir() else need(root / "Testing_Set", "the test set of TinyFace")


def seen(root: Path) -> list[Seen]:
    """Gallery, its distractors (nobody's), and probes of the test set."""
    testing = _testing(root)
    found: list[Seen] = []
    for folder, role, name, names, numbers in _LISTS:
        for file, person in listed_people(testing / name, names, numbers):
            image = file_image(testing / folder / file, root, person)
            found.append(Seen(image, role))
    distractors = testing / "Gallery_Distractor"
    paths = image_files(distractors) if distractors.is_dir() else []
    return [*found, *(Seen(file_image(path, root), "gallery") for path in paths)]


@guarded
def _check(root: Path) -> Report:
    testing = _testing(root)
    problems: list[str] = []
    for folder, count in _COUNTS.items():
        there = {path.name for path in image_files(testing / folder)}
        problems += miscounted(len(there), count, f"the whole of {folder}/")
    return report_of_listed([one.image for one in seen(root)], root, problems)


_IDENTIFICATION: Final = Identification(
    seen,
    (
        Protocol(
            "identification",
            ("rank-1", "rank-5", "rank-20", "mAP"),
            "Cheng, Zhu and Gong 2018: every probe against matches and distractors",
        ),
    ),
)

DATASET: Final = Dataset(
    name="tinyface",
    layout="ROOT/Testing_Set/Probe, Gallery_Match, Gallery_Distractor and their two .mat lists",
    images=_IDENTIFICATION.images,
    check=_check,
    side=32,
    test_only=True,
    identification=_IDENTIFICATION,
)
