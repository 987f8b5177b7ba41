"""AFLW: 21,997 Flickr images with 25,993 faces, boxes in an SQLite file."""

from __future__ import annotations

import sqlite3
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
    need,
    report,
)
from data.prepared import DatasetImage
from data.regular_files import FileBytes, check_regular

_FACES: Final = 25_993
_DATABASE_BYTES: Final = 1 << 40
_QUERY: Final = """
    SELECT FaceImages.filepath, Faces.face_id, FaceRect.x, FaceRect.y, FaceRect.w, FaceRect.h
    FROM Faces
    JOIN FaceImages ON FaceImages.file_id = Faces.file_id
    JOIN FaceRect ON FaceRect.face_id = Faces.face_id
    ORDER BY FaceImages.filepath, Faces.face_id
"""


def images(root: Path) -> list[DatasetImage]:
    """One image for each face of `root/data/aflw.sqlite`, cut from `root/data/flickr/...`."""
    return [image for image, path in _faces(root) if path.is_file()]


def _faces(root: Path) -> list[tuple[DatasetImage, Path]]:
    base = root / "data" if (root / "data").is_dir() else root
    database = need(base / "aflw.sqlite", "the annotations")
    flickr = need(base / "flickr", "the images")
    try:
        check_regular(database, limit=_DATABASE_BYTES)
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
            rows = connection.execute(_QUERY).fetchall()
    except (OSError, sqlite3.Error) as error:
        raise DatasetError(f"{database}: {error}") from error
    made = []
    for name, face, x, y, width, height in rows:
        path = flickr / name
        try:
            box = Box(float(x), float(y), float(x + width), float(y + height))
        except (TypeError, ValueError) as error:
            raise DatasetError(f"{database}: face {face}: {error}") from error
        made.append((DatasetImage(f"{name}#{face}", "", FileBytes(path), box), path))
    return made


@guarded
def _check(root: Path) -> Report:
    faces = _faces(root)
    present = [(image, path) for image, path in faces if path.is_file()]
    there = dict.fromkeys(path for _, path in present)
    missing = dict.fromkeys(path for _, path in faces if path not in there)
    problems = few([f"{path} is missing" for path in missing], "images more are missing")
    files = [file_image(path, root) for path in there]
    return report([p for p, _ in present], problems, expected=_FACES, files=files)


DATASET: Final = Dataset(
    name="aflw",
    layout="ROOT/data/aflw.sqlite and ROOT/data/flickr/0/image00002.jpg",
    images=images,
    check=_check,
)
