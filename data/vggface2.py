"""VGGFace2: 3.31 million pictures of 9,131 people, loose boxes in a CSV."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final

from data.cache import Picture
from data.readers import Dataset, DatasetError, Report, guarded, image_files, need, report

_PARTS: Final = ("train", "test")


def boxes(root: Path, part: str) -> dict[str, tuple[float, float, float, float]]:
    """`n000002/0001_01` to left, top, right, bottom; empty where the CSV is absent."""
    path = root / "bb_landmark" / f"loose_bb_{part}.csv"
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        try:
            return {
                row["NAME_ID"]: _box(float(row["X"]), float(row["Y"]), row["W"], row["H"])
                for row in csv.DictReader(file, skipinitialspace=True)
            }
        except (KeyError, ValueError, TypeError) as error:
            raise DatasetError(f"{path}: not NAME_ID,X,Y,W,H: {error}") from error


def _box(x: float, y: float, width: str, height: str) -> tuple[float, float, float, float]:
    return x, y, x + float(width), y + float(height)


def pictures(root: Path) -> list[Picture]:
    """From `root/train/n000002/0001_01.jpg` (and `test`), cut to its loose box if it has one."""
    need(root, "the folder of the dataset")
    made = []
    for part in _parts(root):
        known = boxes(root, part)
        for path in image_files(root / part):
            name = f"{path.parent.name}/{path.stem}"
            key = path.relative_to(root).as_posix()
            made.append(Picture(key, path.parent.name, path.read_bytes, known.get(name)))
    return made


def _parts(root: Path) -> list[str]:
    parts = [part for part in _PARTS if (root / part).is_dir()]
    if not parts:
        raise DatasetError(f"{root / 'train'} is missing: the pictures")
    return parts


@guarded
def _check(root: Path) -> Report:
    found = pictures(root)
    problems = [
        f"{root / 'bb_landmark' / f'loose_bb_{part}.csv'} is missing: whole pictures will be used"
        for part in _parts(root)
        if not boxes(root, part)
    ]
    odd = sorted({p.identity for p in found if not _is_identity(p.identity)})
    problems += [f"{name}/ is not a folder of an identity (n000002)" for name in odd[:5]]
    return report(found, problems)


def _is_identity(name: str) -> bool:
    return len(name) == 7 and name[0] == "n" and name[1:].isdigit()


DATASET: Final = Dataset(
    name="vggface2",
    layout="ROOT/train/n000002/0001_01.jpg and ROOT/bb_landmark/loose_bb_train.csv",
    pictures=pictures,
    check=_check,
)
