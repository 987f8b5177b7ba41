"""Real small faces on their own pixel grid, and faceless crops of the same sizes."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from benchmarks.image_sets import MissingDataError
from data.annotations.annotations import read_truth
from data.boxes import Box
from data.images.files import IMAGE_SUFFIXES, load_rgb
from data.images.rgb import RGB
from pipeline.detection.faceless import Faceless, crops, images, read_left_out

SHOWS_PEOPLE: Final = Path(__file__).with_name("shows_people.txt")
FACELESS: Final = ("general200", "bsds100")
SMALLEST: Final = 8
LARGEST: Final = 32
TIGHT: Final = "wider_lr16"
"""The set of crops that the face fills, reduced to 16x16 by those who made it."""
_TIGHT_SIDE: Final = 16
_TIGHT_BEFORE: Final = (16, 36)
"""Sides that its faces had before, in pixels."""
CONTEXT: Final = 2.3
"""Side of a crop in face widths."""


@dataclass(frozen=True, slots=True)
class Scenes:
    """One real set: images and their faces."""

    name: str
    faces: Mapping[Path, Sequence[Box]]
    """Faces to be found."""
    others: Mapping[Path, Sequence[Box]]
    """Annotated faces that are neither asked for nor a mistake."""


@dataclass(frozen=True, slots=True)
class FaceCrop:
    """A square of `CONTEXT` face widths with the face's box in its pixels."""

    rgb: RGB
    box: Box
    others: tuple[Box, ...]

    @property
    def face_px(self) -> float:
        """Width of the face."""
        return self.box.width


def real_sets(data: Path) -> list[Scenes]:
    """The real sets below `data`; raises MissingDataError where there is none."""
    found = []
    if (data / "crowd_voc").is_dir():
        found.append(_crowd(data / "crowd_voc"))
    others = (name for name in ("group_scenes", "mask_crowds") if (data / name).is_dir())
    found += [_boxes_csv(name, data / name) for name in others]
    if not found:
        raise MissingDataError(f"needs {data / 'crowd_voc'}, group_scenes or mask_crowds")
    return found


def _crowd(root: Path) -> Scenes:
    every = read_truth(root / "annotations")
    plain = read_truth(root / "annotations", classes=frozenset({"without_mask"}))
    faces: dict[Path, Sequence[Box]] = {}
    others: dict[Path, Sequence[Box]] = {}
    for path in sorted((root / "images").iterdir()):
        key = every.find(path.name) if path.suffix.lower() in IMAGE_SUFFIXES else None
        if key is not None:
            faces[path] = plain.get(key, ())
            others[path] = [box for box in every[key] if box not in faces[path]]
    return Scenes("crowd_voc without_mask", faces, others)


def _boxes_csv(name: str, root: Path) -> Scenes:
    faces: dict[Path, list[Box]] = {}
    with (root / "boxes.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            box = Box(*(float(row[edge]) for edge in ("x0", "y0", "x1", "y1")))
            faces.setdefault(root / row["file"], []).append(box)
    return Scenes(name, faces, dict.fromkeys(faces, ()))


def face_crops(scenes: Scenes, most: int | None, seed: int) -> list[FaceCrop]:
    """Crops of the faces of 8-32 px whose square lies in the image; `most` drawn by `seed`."""
    wanted = [(path, box) for path, boxes in scenes.faces.items() for box in boxes]
    order = np.random.default_rng(seed).permutation(len(wanted))
    made: list[FaceCrop] = []
    for index in order:
        if most is not None and len(made) == most:
            break
        path, box = wanted[index]
        if SMALLEST <= box.width < LARGEST and (crop := _crop(path, box, scenes)):
            made.append(crop)
    return made


def _crop(path: Path, box: Box, scenes: Scenes) -> FaceCrop | None:
    rgb = load_rgb(path)
    side = round(CONTEXT * box.width)
    left = round((box.left + box.right - side) / 2)
    top = round((box.top + box.bottom - side) / 2)
    if left < 0 or top < 0 or left + side > rgb.shape[1] or top + side > rgb.shape[0]:
        return None
    every = [other for other in (*scenes.faces[path], *scenes.others[path]) if other != box]
    others = tuple(other.shifted(-left, -top) for other in every)
    own = np.ascontiguousarray(rgb[top : top + side, left : left + side])
    return FaceCrop(own, box.shifted(-left, -top), others)


def faceless_crops(
    data: Path,
    scenes: Sequence[Scenes],
    count: int,
    seed: int,
    sides: tuple[float, float] = (CONTEXT * SMALLEST, CONTEXT * LARGEST),
) -> list[Faceless]:
    """`count` faceless crops of the sizes of the face crops: half beside faces, half elsewhere."""
    left_out = read_left_out(SHOWS_PEOPLE)
    beside = {
        path: [*boxes, *one.others[path]]
        for one in scenes
        if one.name.startswith("crowd_voc")
        for path, boxes in one.faces.items()
    }
    half = count // 2 if beside else 0
    plain: dict[Path, Sequence[Box]] = dict.fromkeys(faceless_frames(data), ())
    made = list(crops(beside, half, seed=seed, left_out=left_out, sides=sides))
    return [*made, *crops(plain, count - half, seed=seed, left_out=left_out, sides=sides)]


def tight_crops(data: Path, most: int | None, seed: int) -> list[FaceCrop]:
    """The usable crops of `wider_lr16`, `most` drawn by `seed`; empty without the folder."""
    root = data / TIGHT
    if not root.is_dir():
        return []
    with (root / "images.csv").open(newline="", encoding="utf-8") as file:
        usable = [row["file"] for row in csv.DictReader(file) if row["usable"] == "1"]
    order = np.random.default_rng(seed).permutation(len(usable))[:most]
    whole = Box(0, 0, _TIGHT_SIDE, _TIGHT_SIDE)
    return [FaceCrop(load_rgb(root / usable[index]), whole, ()) for index in order]


def faceless_tight_crops(data: Path, scenes: Sequence[Scenes], count: int, seed: int) -> list[RGB]:
    """`count` faceless crops of 16-36 px reduced to 16x16, as the faces of `wider_lr16` were."""
    size = (_TIGHT_SIDE, _TIGHT_SIDE)
    how = Image.Resampling.BICUBIC
    plain = faceless_crops(data, scenes, count, seed, sides=_TIGHT_BEFORE)
    return [np.array(Image.fromarray(one.rgb).resize(size, how)) for one in plain]


def faceless_frames(data: Path) -> list[Path]:
    """Whole images without people."""
    folders = [data / name for name in FACELESS if (data / name).is_dir()]
    return images(folders, read_left_out(SHOWS_PEOPLE))
