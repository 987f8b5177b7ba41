"""WIDER FACE: 32,203 scenes with 393,703 faces; the small ones are real low-resolution faces."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from data.annotations.wider_txt import read_wider
from data.boxes import Box
from data.datasets.base import (
    Dataset,
    DatasetError,
    Report,
    few,
    file_image,
    guarded,
    image_files,
    miscounted,
    need,
    report,
    text_of,
)
from data.datasets.scene_faces import small_faces
from data.errors import TruthError
from data.prepared import DatasetImage

_PARTS: Final = {"train": 12_880, "val": 3_226}
"""How many images the parts have."""
_STORED: Final = 416
"""Side of the squares that some copies of WIDER FACE are stored as."""


def annotated(path: Path) -> dict[str, list[Box]]:
    """Image name to faces, from `wider_face_train_bbx_gt.txt`; invalid boxes are left out.

    Raises DatasetError naming the line where the file is not what it should be.
    """
    faces: dict[str, list[Box]] = {}
    try:
        for record in read_wider(path):
            found = faces.setdefault(record.image, [])
            if record.sides is None or record.ignored:
                continue
            left, top, right, bottom = record.sides
            if right > left and bottom > top:
                found.append(Box(left, top, right, bottom))
    except TruthError as error:
        raise DatasetError(str(error)) from error
    return faces


def images(root: Path) -> list[DatasetImage]:
    """A square around every face of 10-24 px, of the original tree or of the 416x416 subset."""
    if (root / "boxes_416.csv").is_file():
        faces, sizes = _subset(root / "boxes_416.csv")
        images = root / "images"
        return small_faces(images, _present(images, faces), true_sizes=sizes)
    made = []
    for part in _parts(root):
        images = root / f"WIDER_{part}" / "images"
        made += small_faces(images, _present(images, annotated(_annotations(root, part))))
    return made


def _present(images: Path, faces: Mapping[str, list[Box]]) -> dict[str, list[Box]]:
    return {name: boxes for name, boxes in faces.items() if (images / name).is_file()}


def _subset(path: Path) -> tuple[Mapping[str, list[Box]], Mapping[str, tuple[int, int]]]:
    faces: dict[str, list[Box]] = {}
    sizes = {}
    try:
        for row in csv.DictReader(text_of(path, "utf-8").splitlines()):
            box = Box(*(float(row[key]) for key in ("x0", "y0", "x1", "y1")))
            faces.setdefault(row["file"], []).append(box)
            sizes[row["file"]] = _true_size(int(row["orig_w"]), int(row["orig_h"]))
    except (KeyError, ValueError, TypeError, csv.Error) as error:
        raise DatasetError(f"{path}: not file,x0,y0,x1,y1,orig_w,orig_h: {error}") from error
    return faces, sizes


def _true_size(width: int, height: int) -> tuple[int, int]:
    """Size in true proportions of an image that was squeezed to 416x416: no axis is enlarged.

    Stretching back upwards makes a face of 10 px out of one that was stored 5 px wide.
    """
    shrink = _STORED / max(width, height)
    return max(1, round(width * shrink)), max(1, round(height * shrink))


def _parts(root: Path) -> list[str]:
    parts = [part for part in _PARTS if (root / f"WIDER_{part}").is_dir()]
    if not parts:
        raise DatasetError(f"{root / 'WIDER_train'} is missing: the images")
    return parts


def _annotations(root: Path, part: str) -> Path:
    name = f"wider_face_{part}_bbx_gt.txt"
    return need(root / "wider_face_split" / name, f"the boxes of WIDER_{part}")


@guarded
def _check(root: Path) -> Report:
    problems: list[str] = []
    files: list[DatasetImage] = []
    if (root / "boxes_416.csv").is_file():
        files = _look(root / "images", set(_subset(root / "boxes_416.csv")[0]), problems)
        return report(images(root), problems, files=files)
    for part, expected in ((part, _PARTS[part]) for part in _parts(root)):
        listed = set(annotated(_annotations(root, part)))
        scenes = _look(root / f"WIDER_{part}" / "images", listed, problems)
        problems += miscounted(len(scenes), expected, f"the whole of WIDER_{part}")
        files += scenes
    return report(images(root), problems, files=files)


def _look(folder: Path, listed: set[str], problems: list[str]) -> list[DatasetImage]:
    """The scenes below `folder`; those that are missing or not `listed` are added to `problems`."""
    scenes = [file_image(path, folder) for path in image_files(folder)]
    there = {scene.key for scene in scenes}
    lines = [f"{folder / name} is missing" for name in sorted(listed - there)]
    problems += few(lines, "images more are missing")
    lines = [f"{folder / name} is not in the annotations" for name in sorted(there - listed)]
    problems += few(lines, "images more are not in the annotations")
    return scenes


DATASET: Final = Dataset(
    name="widerface",
    layout="ROOT/WIDER_train/images/EVENT/*.jpg, ROOT/wider_face_split/wider_face_train_bbx_gt.txt",
    images=images,
    check=_check,
    side=16,
)
