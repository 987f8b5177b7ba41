"""SCface: 130 people before five surveillance cameras at 4.2, 2.6 and 1.0 m, and a mugshot each.

Grgic, Delac and Grgic 2011, SCface - surveillance cameras face database, MTAP 51:863. Cameras 6 and
7 are two of the five in the dark.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from data.datasets.base import (
    Dataset,
    DatasetError,
    Report,
    few,
    file_image,
    guarded,
    image_files,
    need,
    report,
)
from data.datasets.identification import Identification, Protocol, Seen

DISTANCES: Final = {"d1": 4.2, "d2": 2.6, "d3": 1.0}
"""In metres."""
PEOPLE: Final = 130
TRAINED_ON: Final = 50
"""The literature trains on the first 50 people and is tried on the other 80."""
_VISIBLE: Final = frozenset({"cam1", "cam2", "cam3", "cam4", "cam5"})
_MUGSHOTS: Final = ("mugshot_frontal_original_all", "mugshot_frontal_cropped_all")
_NAME: Final = re.compile(r"(\d{3})_(cam\d)_([123])")


def _inside(root: Path) -> Path:
    inner = root / "SCface_database"
    return inner if inner.is_dir() else need(root, "the folder of the dataset")


def seen(root: Path) -> list[Seen]:
    """A frontal mugshot of each person as the gallery, and the surveillance images as probes."""
    inner = _inside(root)
    folder = next((inner / name for name in _MUGSHOTS if (inner / name).is_dir()), None)
    if folder is None:
        raise DatasetError(f"{inner / _MUGSHOTS[0]} is missing: the mugshots")
    found = [
        Seen(file_image(path, root, path.name[:3]), "gallery")
        for path in image_files(folder)
        if path.name[:3].isdigit() and "frontal" in path.name.lower()
    ]
    for number in (1, 2, 3):
        place = inner / f"surveillance_cameras_distance_{number}"
        for path in image_files(need(place, "the images at that distance")):
            if named := _NAME.fullmatch(path.stem.lower()):
                person, camera, distance = named.groups()
                image = file_image(path, root, person)
                found.append(Seen(image, "probe", f"d{distance}", camera))
    return found


@guarded
def _check(root: Path) -> Report:
    found = seen(root)
    gallery = {one.image.identity for one in found if one.role == "gallery"}
    problems = [] if len(gallery) == PEOPLE else [f"{len(gallery)} mugshots of {PEOPLE} people"]
    there = {(one.image.identity, one.camera, one.distance) for one in found}
    missing = [
        f"{person:03d}_{camera}_{distance[1]}.jpg is missing"
        for person in range(1, PEOPLE + 1)
        for camera in sorted(_VISIBLE)
        for distance in DISTANCES
        if (f"{person:03d}", camera, distance) not in there
    ]
    problems += few(missing, "surveillance images more are missing")
    return report([one.image for one in found], problems)


def at(distance: str) -> Callable[[Seen], bool]:
    """Whether an image belongs to the experiment at `distance`: the last 80 people, by daylight."""

    def takes(one: Seen) -> bool:
        if int(one.image.identity) <= TRAINED_ON:
            return False
        return one.role == "gallery" or (one.distance == distance and one.camera in _VISIBLE)

    return takes


_IDENTIFICATION: Final = Identification(
    seen,
    tuple(
        Protocol(
            name,
            ("rank-1",),
            f"mugshots of people 51 to 130 against cameras 1 to 5 at {metres} m",
            at(name),
        )
        for name, metres in DISTANCES.items()
    ),
)

DATASET: Final = Dataset(
    name="scface",
    layout="ROOT/mugshot_frontal_original_all/001_frontal.jpg and "
    "ROOT/surveillance_cameras_distance_1/cam_1/001_cam1_1.jpg",
    images=_IDENTIFICATION.images,
    check=_check,
    side=64,
    test_only=True,
    identification=_IDENTIFICATION,
)
