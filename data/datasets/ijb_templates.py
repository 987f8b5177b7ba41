"""Templates as IJB-A, B, C and S list them: several images of a person that count as one.

A CSV has a row for each face: TEMPLATE_ID, SUBJECT_ID, FILENAME, FACE_X, FACE_Y, FACE_WIDTH and
FACE_HEIGHT (Maze et al. 2018, IARPA Janus Benchmark - C, ICB). Frames of a video are images too.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from data.boxes import Box
from data.datasets.base import Dataset, DatasetError, Report, guarded, need, text_of
from data.datasets.identification import Identification, Protocol, Role, Seen
from data.datasets.people_lists import report_of_listed
from data.prepared import DatasetImage

_FACE: Final = ("FACE_X", "FACE_Y", "FACE_WIDTH", "FACE_HEIGHT")


def seen(root: Path) -> list[Seen]:
    """The faces of all `*gallery*.csv` and `*probe*.csv` in `root`/protocols.

    A key ends in the template and the number of the row, for one image may be in several templates.
    """
    folder = need(root / "protocols", "the lists of templates")
    return [
        one for path in sorted(folder.glob("*.csv")) if (role := _role(path)) is not None
        for one in _of_list(root, path, role)
    ]  # fmt: skip


def _role(path: Path) -> Role | None:
    name = path.stem.lower()
    if "gallery" in name:
        return "gallery"
    return "probe" if "probe" in name else None


def _of_list(root: Path, path: Path, role: Role) -> Iterator[Seen]:
    rows = csv.DictReader(text_of(path, "utf-8").splitlines(), skipinitialspace=True)
    try:
        for number, row in enumerate(rows):
            template, file = row["TEMPLATE_ID"], _file(root, row["FILENAME"])
            key = f"{file.relative_to(root).as_posix()}#{path.stem}/{template}/{number}"
            image = DatasetImage(key, row["SUBJECT_ID"], file.read_bytes, _box(row))
            yield Seen(image, role, template=f"{path.stem}/{template}")
    except (KeyError, ValueError, TypeError, csv.Error) as error:
        raise DatasetError(f"{path}: not TEMPLATE_ID,SUBJECT_ID,FILENAME,...: {error}") from error


def _file(root: Path, name: str) -> Path:
    inner = root / "images" / name
    if ".." in Path(name).parts or Path(name).is_absolute():
        raise ValueError(f"{name} leads out of the dataset")
    return inner if inner.is_file() else root / name


def _box(row: Mapping[str, str]) -> Box | None:
    """The face; None where a row leaves it out."""
    if not all(row.get(name) for name in _FACE):
        return None
    left, top, width, height = (float(row[name]) for name in _FACE)
    return Box(left, top, left + width, top + height)


@guarded
def _check(root: Path) -> Report:
    found = seen(root)
    roles = {one.role for one in found}
    problems = [
        f"{root / 'protocols'} has no *{role}*.csv"
        for role in ("gallery", "probe")
        if role not in roles
    ]
    people: dict[str, set[str]] = {}
    for one in found:
        people.setdefault(one.template, set()).add(one.image.identity)
    problems += [
        f"template {name} has several people" for name, who in people.items() if len(who) > 1
    ]
    files = {one.image.key.partition("#")[0]: one.image for one in found}
    there = [DatasetImage(key, image.identity, image.read) for key, image in files.items()]
    return report_of_listed(there, root, problems)


_IDENTIFICATION: Final = Identification(
    seen,
    (
        Protocol(
            "templates",
            ("rank-1", "rank-5", "TPIR at FPIR 1 %", "TPIR at FPIR 10 %"),
            "IJB-S: surveillance-to-single, -to-booking; a template is the mean of its images",
        ),
    ),
)

DATASET: Final = Dataset(
    name="ijb_templates",
    layout="ROOT/protocols/*gallery*.csv and *probe*.csv, images below ROOT or ROOT/images",
    images=_IDENTIFICATION.images,
    check=_check,
    side=112,
    test_only=True,
    identification=_IDENTIFICATION,
)
