"""The rows of detections.csv as one object for each image, with its faces in a list."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Final

from pipeline.engine.tables import column_types
from pipeline.jobs.face_rows import FaceRow

_OF_IMAGE: Final = ("image", "status", "width", "height", "path", "note", "error")
_READ: Final[Mapping[type, Callable[[str], object]]] = {
    int: int,
    float: float,
    bool: lambda text: text == "True",
    str: str,
}


def images_of(detections: Path) -> Iterator[dict[str, object]]:
    """Yield an object for each image of a `detections.csv`, in its order; memory stays flat.

    It has the columns of the image, `faces`, and `dropped` where candidates were dropped. A face
    has the columns that hold something. Boxes are in pixels of the image that was given.

    Example:
        >>> list(images_of(Path("found/detections.csv")))  # doctest: +SKIP
        [{'image': 'a.png', 'status': 'one', 'faces': [{'face': 0, 'left': 3.0, ...}]}]
    """
    kinds = column_types(FaceRow)
    with detections.open(newline="", encoding="utf-8") as file:
        rows = (_typed(row, kinds) for row in csv.DictReader(file))
        for _, group in groupby(rows, key=lambda row: row["image"]):
            yield _image(list(group))


def jsonl_of(detections: Path) -> Iterator[str]:
    """`images_of` as lines of JSON."""
    for image in images_of(detections):
        yield json.dumps(image, ensure_ascii=False, allow_nan=False)


def _typed(row: Mapping[str, str], kinds: Mapping[str, type]) -> dict[str, object]:
    return {
        name: _READ[kinds.get(name, str)](text)
        for name, text in row.items()
        if text not in ("", None)
    }


def _image(rows: list[dict[str, object]]) -> dict[str, object]:
    image: dict[str, object] = {name: rows[0][name] for name in _OF_IMAGE if name in rows[0]}
    image["faces"] = [_own(row) for row in rows if "face" in row]
    if dropped := [_own(row) for row in rows if "dropped" in row]:
        image["dropped"] = dropped
    return image


def _own(row: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in row.items() if name not in _OF_IMAGE}
