"""CelebA: 202,599 pictures of 10,177 people, aligned 178x218 or in the wild."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from data.cache import Picture
from data.readers import Dataset, DatasetError, Report, file_picture, guarded, image_files, report

_FOLDERS: Final = ("img_align_celeba", "img_celeba", "img_align_celeba_png")
_PICTURES: Final = 202_599


def identities(root: Path) -> dict[str, str]:
    """File name to identity, from `identity_CelebA.txt`; empty where the file is absent."""
    for path in (root / "identity_CelebA.txt", root / "Anno" / "identity_CelebA.txt"):
        if path.is_file():
            return dict(_pair(line, number, path) for number, line in _lines(path))
    return {}


def _lines(path: Path) -> list[tuple[int, str]]:
    lines = path.read_text("ascii").splitlines()
    return [(number, line) for number, line in enumerate(lines, 1) if line.strip()]


def _pair(line: str, number: int, path: Path) -> tuple[str, str]:
    words = line.split()
    if len(words) != 2:
        raise DatasetError(f"{path}:{number}: not 'image identity'")
    return words[0], words[1]


def pictures(root: Path) -> list[Picture]:
    """From `root/img_align_celeba/000001.jpg`, or pictures in `root` itself."""
    folder = _folder(root)
    who = identities(root)
    return [
        file_picture(path, folder, who.get(path.with_suffix(".jpg").name, ""))
        for path in image_files(folder)
    ]


def _folder(root: Path) -> Path:
    places = [base / name for base in (root, root / "Img") for name in _FOLDERS]
    for place in places:
        if place.is_dir():
            return place
    if next(image_files(root), None) is None:
        raise DatasetError(f"{root / _FOLDERS[0]} is missing: the folder of pictures")
    return root


@guarded
def _check(root: Path) -> Report:
    found = pictures(root)
    problems = []
    who = identities(root)
    if not who:
        problems.append("identity_CelebA.txt is missing: no split by identity can be made")
    else:
        unknown = [p.key for p in found if not p.identity]
        problems += [f"{key}: not in identity_CelebA.txt" for key in unknown[:5]]
    return report(found, problems, expected=_PICTURES)


DATASET: Final = Dataset(
    name="celeba",
    layout="ROOT/img_align_celeba/000001.jpg and ROOT/identity_CelebA.txt",
    pictures=pictures,
    check=_check,
    side=89,
    anchor=0.9,
)
