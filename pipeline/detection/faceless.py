"""Faceless images: crops of images without people, and of scenes beside their faces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from data.boxes import Box
from data.images.files import IMAGE_SUFFIXES, load_rgb
from data.images.rgb import RGB
from data.regular_files import read_text

SMALLEST: Final = 16
LARGEST: Final = 160
_CLEAR: Final = 2
"""Pixels that a crop stays away from an annotated face."""
_TRIES: Final = 200


@dataclass(frozen=True, slots=True)
class Faceless:
    """A square of an image that shows no face."""

    name: str
    """`image@left,top,side`: the same for the same seed, so that a list can leave it out."""
    rgb: RGB


def images(folders: Sequence[Path], left_out: frozenset[str]) -> list[Path]:
    """Images of the folders, sorted, without those whose stem is in `left_out`."""
    found = (path for folder in folders for path in sorted(folder.iterdir()))
    return [p for p in found if p.suffix.lower() in IMAGE_SUFFIXES and p.stem not in left_out]


def read_left_out(path: Path | None) -> frozenset[str]:
    """Names in a text file, one a line; `#` starts a comment."""
    if path is None:
        return frozenset()
    lines = (line.split("#")[0].strip() for line in read_text(path).splitlines())
    return frozenset(line for line in lines if line)


def crops(
    faces: Mapping[Path, Sequence[Box]],
    count: int,
    *,
    seed: int,
    left_out: frozenset[str] = frozenset(),
    sides: tuple[float, float] = (SMALLEST, LARGEST),
) -> Iterator[Faceless]:
    """At most `count` squares from images whose faces are at the boxes given, touching none.

    Every image gives equally many, drawn from `seed`; the last ones none where `count` is small,
    and more where names of others are in `left_out`.
    Sides are log-uniform between `sides`.
    An image so full of faces that no square fits gives fewer.
    """
    rng = np.random.default_rng(seed)
    each = -(-count // max(1, len(faces)))
    made = 0
    for path, boxes in faces.items():
        if made >= count:
            return
        rgb = load_rgb(path)
        for left, top, side in _squares(rgb, boxes, min(each, count - made), rng, sides):
            name = f"{path.name}@{left},{top},{side}"
            if name not in left_out:
                made += 1
                own = np.ascontiguousarray(rgb[top : top + side, left : left + side])
                yield Faceless(name, own)


def _squares(
    rgb: RGB, boxes: Sequence[Box], count: int, rng: np.random.Generator, sides: tuple[float, float]
) -> Iterator[tuple[int, int, int]]:
    height, width = rgb.shape[:2]
    made = 0
    for _ in range(_TRIES * count):
        if made == count:
            return
        side = round(float(np.exp(rng.uniform(*np.log(sides)))))
        if side > min(height, width):
            continue
        left = int(rng.integers(0, width - side + 1))
        top = int(rng.integers(0, height - side + 1))
        if not any(_near(box, left, top, side) for box in boxes):
            made += 1
            yield left, top, side


def _near(box: Box, left: int, top: int, side: int) -> bool:
    return (
        box.left - _CLEAR < left + side
        and box.right + _CLEAR > left
        and box.top - _CLEAR < top + side
        and box.bottom + _CLEAR > top
    )


def grey(rgb: RGB) -> RGB:
    """`rgb` without its colour (Rec. 601 luma), as an infra-red camera has none."""
    luma = np.rint(rgb @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)
    return np.repeat(luma[:, :, None], 3, axis=2)
