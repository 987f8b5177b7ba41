"""CelebA: 202,599 images of 10,177 people, aligned 178x218 or in the wild."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from data.boxes import Box
from data.datasets.base import (
    Dataset,
    DatasetError,
    Report,
    few,
    file_image,
    guarded,
    image_files,
    report,
    text_of,
)
from data.datasets.framing import square_inside
from data.datasets.integrity import size
from data.prepared import DatasetImage

_WILD: Final = "img_celeba"
_FOLDERS: Final = ("img_align_celeba", _WILD, "img_align_celeba_png")
_IMAGES: Final = 202_599
_MARGIN: Final = 1.7
"""Side of the square in box widths: what the square of an aligned image shows."""


def identities(root: Path) -> dict[str, str]:
    """File name to identity, from `identity_CelebA.txt`; empty where the file is absent."""
    path = _annotation(root, "identity_CelebA.txt")
    if path is None:
        return {}
    return dict(_pair(line, number, path) for number, line in _lines(path))


def boxes(root: Path) -> dict[str, Box]:
    """File name to face box in the wild image, from `list_bbox_celeba.txt`.

    Empty where the file is absent; faces whose box has no extent are left out.
    """
    path = _annotation(root, "list_bbox_celeba.txt")
    if path is None:
        return {}
    lines = [line for line in _lines(path) if not _is_heading(line[1])]
    rows = [_box(line, number, path) for number, line in lines]
    return {
        name: Box(x, y, x + width, y + height)
        for name, x, y, width, height in rows
        if width > 0 and height > 0
    }


def _annotation(root: Path, name: str) -> Path | None:
    return next((p for p in (root / name, root / "Anno" / name) if p.is_file()), None)


def _lines(path: Path) -> list[tuple[int, str]]:
    lines = text_of(path).splitlines()
    return [(number, line) for number, line in enumerate(lines, 1) if line.strip()]


def _is_heading(line: str) -> bool:
    """The number of images, or the names of the columns."""
    return line.strip().isdigit() or line.startswith("image_id")


def _pair(line: str, number: int, path: Path) -> tuple[str, str]:
    words = line.split()
    if len(words) != 2:
        raise DatasetError(f"{path}:{number}: not 'image identity'")
    return words[0], words[1]


def _box(line: str, number: int, path: Path) -> tuple[str, int, int, int, int]:
    try:
        name, *words = line.split()
        x, y, width, height = map(int, words)
    except ValueError as error:
        raise DatasetError(f"{path}:{number}: not 'image x_1 y_1 width height'") from error
    return name, x, y, width, height


def images(root: Path) -> list[DatasetImage]:
    """From `root/img_align_celeba/000001.jpg`, or images in `root` itself.

    Images of `img_celeba` (in the wild) are cut to a square around their face box.
    """
    folder = _folder(root)
    who = identities(root)
    where = boxes(root) if folder.name == _WILD else {}
    made = []
    for path in image_files(folder):
        name = path.with_suffix(".jpg").name
        square = _square(path, where[name]) if name in where else None
        made.append(file_image(path, folder, who.get(name, ""), square))
    return made


def _square(path: Path, box: Box) -> Box | None:
    centre = ((box.left + box.right) / 2, (box.top + box.bottom) / 2)
    return square_inside(size(path), centre, _MARGIN * box.width)


def _folder(root: Path) -> Path:
    places = [base / name for base in (root, root / "Img") for name in _FOLDERS]
    for place in places:
        if place.is_dir():
            return place
    if not image_files(root):
        raise DatasetError(f"{root / _FOLDERS[0]} is missing: the folder of images")
    return root


@guarded
def _check(root: Path) -> Report:
    found = images(root)
    problems = []
    if not identities(root):
        problems.append("identity_CelebA.txt is missing: no split by identity can be made")
    else:
        unknown = [f"{p.key}: not in identity_CelebA.txt" for p in found if not p.identity]
        problems += few(unknown, "images more are not in identity_CelebA.txt")
    if _folder(root).name == _WILD:
        problems += _unboxed(root, found)
    return report(found, problems, expected=_IMAGES)


def _unboxed(root: Path, found: list[DatasetImage]) -> list[str]:
    """The wild images that will be used whole, for want of a box."""
    if _annotation(root, "list_bbox_celeba.txt") is None:
        return ["list_bbox_celeba.txt is missing: whole images will be used"]
    lines = [
        f"{p.key}: no box in list_bbox_celeba.txt: the whole image will be used"
        for p in found
        if p.box is None
    ]
    return few(lines, "images more have no box")


DATASET: Final = Dataset(
    name="celeba",
    layout="ROOT/img_align_celeba/000001.jpg and ROOT/identity_CelebA.txt "
    "(in the wild: ROOT/img_celeba/000001.jpg and ROOT/Anno/list_bbox_celeba.txt)",
    images=images,
    check=_check,
    side=89,
    anchor=0.9,
)
