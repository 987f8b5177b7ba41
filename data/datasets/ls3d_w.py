"""LS3D-W: about 230,000 faces with 3D landmarks, a landmark file beside each image."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from data.boxes import Box
from data.datasets import landmarks
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
)
from data.datasets.framing import square_inside
from data.datasets.integrity import size
from data.prepared import DatasetImage

_REANNOTATED: Final = "AFLW2000-3D-Reannotated"
_PARTS: Final = ("300VW-3D", "300W-Testset-3D", _REANNOTATED, "Menpo-3D")
_SIDE: Final = 2.5
"""Side of the square in extents of the landmarks, measured on LFW: the protocols cut from that."""
_RAISED: Final = 0.2
"""How far the middle of the square lies above that of the landmarks, in the same unit."""


def images(root: Path) -> list[DatasetImage]:
    """Every image below `root`; the part it belongs to is the first folder of its key.

    It is cut to a square around the landmarks beside it as LFW frames a face; an image without
    landmarks that can be read is taken whole.
    """
    return [image for image, _ in _faces(root)]


def _faces(root: Path) -> list[tuple[DatasetImage, str]]:
    """The images, and why one of them is taken whole: empty where it is not."""
    need(root, "the folder of the dataset")
    made = []
    for path in image_files(root):
        box, why = None, ""
        try:
            box = _square(path)
        except DatasetError as error:
            why = str(error)
        made.append((file_image(path, root, "", box), why))
    return made


def _square(path: Path) -> Box | None:
    """None for an image that cannot be opened; raises DatasetError without landmarks on it."""
    beside = [path.with_suffix(suffix) for suffix in landmarks.SUFFIXES]
    file = next((file for file in beside if file.is_file()), None)
    if file is None:
        kinds = ", ".join(landmarks.SUFFIXES)
        raise DatasetError(f"{path.name}: no landmark file ({kinds}) beside it")
    points, shape = landmarks.read(file), size(path)
    low, high = points.min(0), points.max(0)
    extent = float(np.max(high - low))
    x, y = (float(at) for at in (low + high) / 2)
    square = square_inside(shape, (x, y - _RAISED * extent), _SIDE * extent)
    if shape is not None and (square is None or extent < 1):
        raise DatasetError(f"{file}: its landmarks are not on the image")
    return square


@guarded
def _check(root: Path) -> Report:
    faces = _faces(root)
    absent = [part for part in _PARTS if not (root / part).is_dir()]
    problems = [f"{root / part} is missing: a part of the dataset" for part in absent]
    if _REANNOTATED not in absent:
        count = sum(image.key.startswith(f"{_REANNOTATED}/") for image, _ in faces)
        problems += miscounted(count, 2000, f"the whole of {_REANNOTATED}")
    whole = [f"{image.key}: {why}" for image, why in faces if why]
    problems += few(whole, "images more will be used whole: no landmarks")
    return report([image for image, _ in faces], problems)


DATASET: Final = Dataset(
    name="ls3d_w",
    layout="ROOT/AFLW2000-3D-Reannotated/image00002.jpg with image00002.t7 (or .mat) beside it",
    images=images,
    check=_check,
)
