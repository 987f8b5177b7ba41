"""QMUL-SurvFace: 463,507 faces of 15,573 people from real surveillance, mean size 24x20 px.

Cheng, Zhu and Gong 2018, Surveillance Face Recognition Challenge, arXiv:1804.09691.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from data.datasets.base import Dataset, Report, file_image, guarded, image_files, need
from data.datasets.identification import Identification, Protocol, Role, Seen
from data.datasets.people_lists import listed_people, report_of_listed

_SET: Final = "Face_Identification_Test_Set"
_LISTED: Final[dict[str, Role]] = {"gallery": "gallery", "mated_probe": "probe"}
"""Folders whose images have a list of people."""
_RATES: Final = (1, 10, 20, 30)


def _testing(root: Path) -> Path:
    return need(root / _SET, "the test set of identification")


def seen(root: Path) -> list[Seen]:
    """Gallery, probes of its people (`mated`), and probes of strangers (`unmated`)."""
    testing = _testing(root)
    found: list[Seen] = []
    for folder, role in _LISTED.items():
        listed = testing / f"{folder}_img_ID_pairs.mat"
        for file, person in listed_people(listed, f"{folder}_set", f"{folder}_ids"):
            image = file_image(testing / folder / file, root, person)
            found.append(Seen(image, role, camera=camera(file)))
    strangers = need(testing / "unmated_probe", "the probes of strangers")
    paths = image_files(strangers)
    return found + [Seen(file_image(p, root), "probe", camera=camera(p.name)) for p in paths]


def camera(name: str) -> str:
    """The camera in a file's name; empty where there is none.

    >>> camera("10002_cam3_1.jpg")
    'cam3'
    """
    parts = name.split("_")
    return parts[1] if len(parts) > 2 and parts[1].startswith("cam") else ""


@guarded
def _check(root: Path) -> Report:
    testing = _testing(root)
    found = seen(root)
    listed = {one.image.key for one in found}
    problems = []
    for folder in _LISTED:
        files = image_files(testing / folder)
        extra = sum(path.relative_to(root).as_posix() not in listed for path in files)
        problems += [f"{extra:,} images of {folder}/ are in no list"] if extra else []
    if all(one.image.identity for one in found):
        problems.append(f"{testing / 'unmated_probe'} holds no stranger: nothing is open-set")
    return report_of_listed([one.image for one in found], root, problems)


_IDENTIFICATION: Final = Identification(
    seen,
    (
        Protocol(
            "open-set",
            tuple(f"TPIR20 at FPIR {rate} %" for rate in _RATES),
            "Cheng, Zhu and Gong 2018: a hit counts within rank 20; gallery of 3,000 people",
        ),
    ),
)

DATASET: Final = Dataset(
    name="qmul_survface",
    layout=f"ROOT/{_SET}/gallery, mated_probe, unmated_probe and their two .mat lists",
    images=_IDENTIFICATION.images,
    check=_check,
    side=32,
    test_only=True,
    identification=_IDENTIFICATION,
)
