"""Faces cut out of scenes by their boxes: real low-resolution faces for the discriminator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image

from data.boxes import Box
from data.datasets.integrity import size
from data.images.files import open_image
from data.prepared import DatasetImage
from data.regular_files import read_bytes

MARGIN: Final = 1.6
"""Side of the cut square in face heights: about the framing of a surveillance crop."""


def small_faces(
    root: Path,
    faces: Mapping[str, Sequence[Box]],
    *,
    smallest: float = 10,
    largest: float = 24,
    true_sizes: Mapping[str, tuple[int, int]] | None = None,
) -> list[DatasetImage]:
    """An image for every face whose height is between the two limits and whose square fits.

    `true_sizes` gives the size a stretched file had before it was stretched; boxes are then in
    pixels of the stretched file, limits in pixels of the true one. Of a file that cannot be opened
    every face stays listed, so that reading them says so.
    """
    sizes = true_sizes or {}
    made = []
    for name, boxes in faces.items():
        path, true = root / name, sizes.get(name)
        shape = size(path) if boxes else None
        for index, face in enumerate(boxes):
            if shape is not None:
                scaled = _scaled(face, shape, true or shape)
                small = smallest <= scaled.height <= largest
                if not small or not _lies_in(_square(scaled), true or shape):
                    continue
            made.append(DatasetImage(f"{name}#{index}", "", partial(_cut, path, face, true)))
    return made


def _scaled(face: Box, shape: tuple[int, int], true: tuple[int, int]) -> Box:
    """A face of an image of size `shape` in pixels of that image at its size `true`."""
    return face.scaled(true[0] / shape[0], true[1] / shape[1])


def _square(face: Box) -> tuple[int, int, int, int]:
    half = MARGIN * face.height / 2
    x, y = (face.left + face.right) / 2, (face.top + face.bottom) / 2
    return round(x - half), round(y - half), round(x + half), round(y + half)


def _lies_in(box: tuple[int, int, int, int], size: tuple[int, int]) -> bool:
    return box[0] >= 0 and box[1] >= 0 and box[2] <= size[0] and box[3] <= size[1]


def _cut(path: Path, face: Box, true: tuple[int, int] | None) -> bytes:
    """The square around a face as PNG; raises ValueError where it leaves the image."""
    with open_image(read_bytes(path)) as opened:
        image = opened.convert("RGB")
    box = _square(_scaled(face, image.size, true or image.size))
    if true is not None:
        image = image.resize(true, Image.Resampling.BICUBIC)
    if not _lies_in(box, image.size):
        raise ValueError(f"{path.name}: the square around a face leaves the image")
    file = BytesIO()
    image.crop(box).save(file, "PNG")
    return file.getvalue()
