"""Faces cut out of scenes by their boxes: real low-resolution faces for the discriminator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image

from data.cache import Picture

MARGIN: Final = 1.6
"""Side of the cut square in face heights: about the framing of a surveillance crop."""


@dataclass(frozen=True, slots=True)
class Face:
    """A face in a picture file, in pixels of that picture at its `true_size`."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def height(self) -> float:
        """In pixels."""
        return self.bottom - self.top


def small_faces(
    root: Path,
    faces: Mapping[str, Sequence[Face]],
    *,
    smallest: float = 10,
    largest: float = 24,
    true_sizes: Mapping[str, tuple[int, int]] | None = None,
) -> list[Picture]:
    """A picture for every face whose height is between the two limits and whose square fits.

    `true_sizes` gives the size a stretched file had before it was stretched; boxes are then in
    pixels of the stretched file, limits in pixels of the true one.
    """
    sizes = true_sizes or {}
    made = []
    for name, boxes in faces.items():
        for index, face in enumerate(boxes):
            cut = partial(_cut, root / name, face, sizes.get(name))
            scaled = _to_true(face, root / name, sizes.get(name))
            if smallest <= scaled.height <= largest:
                made.append(Picture(f"{name}#{index}", "", cut))
    return made


def _to_true(face: Face, path: Path, size: tuple[int, int] | None) -> Face:
    if size is None:
        return face
    with Image.open(path) as image:
        sx, sy = size[0] / image.width, size[1] / image.height
    return Face(face.left * sx, face.top * sy, face.right * sx, face.bottom * sy)


def _cut(path: Path, face: Face, size: tuple[int, int] | None) -> bytes:
    """The square around a face as PNG; raises ValueError where it leaves the picture."""
    true = _to_true(face, path, size)
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    if size is not None:
        image = image.resize(size, Image.Resampling.BICUBIC)
    half = MARGIN * true.height / 2
    x, y = (true.left + true.right) / 2, (true.top + true.bottom) / 2
    box = (round(x - half), round(y - half), round(x + half), round(y + half))
    if box[0] < 0 or box[1] < 0 or box[2] > image.width or box[3] > image.height:
        raise ValueError(f"{path.name}: the square around a face leaves the picture")
    file = BytesIO()
    image.crop(box).save(file, "PNG")
    return file.getvalue()
