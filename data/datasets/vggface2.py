"""VGGFace2: 3.31 million images of 9,131 people, loose boxes in a CSV."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from data.boxes import Box
from data.datasets.base import (
    Dataset,
    DatasetError,
    Report,
    few,
    guarded,
    image_files,
    miscounted,
    need,
    report,
    text_of,
)
from data.prepared import DatasetImage
from data.regular_files import FileBytes

_PARTS: Final = {"train": 3_141_890, "test": 169_396}
"""How many images the parts have."""


def boxes(root: Path, part: str) -> dict[str, Box]:
    """`n000002/0001_01` to its box; empty where the CSV is absent."""
    path = root / "bb_landmark" / f"loose_bb_{part}.csv"
    if not path.is_file():
        return {}
    lines = text_of(path, "utf-8").splitlines()
    try:
        return {
            row["NAME_ID"]: _box(float(row["X"]), float(row["Y"]), row["W"], row["H"])
            for row in csv.DictReader(lines, skipinitialspace=True)
        }
    except (KeyError, ValueError, TypeError, csv.Error) as error:
        raise DatasetError(f"{path}: not NAME_ID,X,Y,W,H: {error}") from error


def _box(x: float, y: float, width: str, height: str) -> Box:
    return Box(x, y, x + float(width), y + float(height))


def images(root: Path) -> list[DatasetImage]:
    """From `root/train/n000002/0001_01.jpg` (and `test`), cut to its loose box if it has one."""
    need(root, "the folder of the dataset")
    made = []
    for part in _parts(root):
        known = boxes(root, part)
        for path in image_files(root / part):
            name = f"{path.parent.name}/{path.stem}"
            key = path.relative_to(root).as_posix()
            made.append(DatasetImage(key, path.parent.name, FileBytes(path), known.get(name)))
    return made


def _parts(root: Path) -> list[str]:
    parts = [part for part in _PARTS if (root / part).is_dir()]
    if not parts:
        raise DatasetError(f"{root / 'train'} is missing: the images")
    return parts


@guarded
def _check(root: Path) -> Report:
    found = images(root)
    problems = [line for part in _parts(root) for line in _problems(root, part, found)]
    odd = sorted({p.identity for p in found if not _is_identity(p.identity)})
    lines = [f"{name}/ is not a folder of an identity (n000002)" for name in odd]
    return report(found, problems + few(lines, "folders more are not of an identity"))


def _problems(root: Path, part: str, found: Sequence[DatasetImage]) -> list[str]:
    """What is wrong with one part of a copy."""
    there = {p.key.rpartition(".")[0] for p in found if p.key.startswith(f"{part}/")}
    problems = miscounted(len(there), _PARTS[part], f"the whole of {part}/")
    listed = boxes(root, part)
    if not listed:
        name = root / "bb_landmark" / f"loose_bb_{part}.csv"
        problems.append(f"{name} is missing: whole images will be used")
    absent = sorted(name for name in listed if f"{part}/{name}" not in there)
    lines = [
        f"{root / part / name}.jpg is missing: loose_bb_{part}.csv lists it" for name in absent
    ]
    return problems + few(lines, f"images more of loose_bb_{part}.csv are missing")


def _is_identity(name: str) -> bool:
    return len(name) == 7 and name[0] == "n" and name[1:].isdigit()


DATASET: Final = Dataset(
    name="vggface2",
    layout="ROOT/train/n000002/0001_01.jpg and ROOT/bb_landmark/loose_bb_train.csv",
    images=images,
    check=_check,
)
