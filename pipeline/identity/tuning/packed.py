"""Training faces in a file that travels: few bytes, for images that were reduced on the way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.atomic import whole_file
from data.errors import ModelError
from pipeline.identity.tuning.faces import TrainingFaces, trainable_set
from pipeline.identity.tuning.seen import face_width

__all__ = ["load_packed", "save_packed"]

_LEVELS: Final = 127
_COLUMNS: Final = ("folder", "row", "landmarks", "embeddings", "scale", "sides")


def save_packed(faces: TrainingFaces, path: Path) -> None:
    """Write the faces with rows as numbers of the usable images: `packed_faces.pack` has those.

    Landmarks are kept to 0.06 pixels, embeddings to a distance of 0.02. Faces whose rows are
    excluded are left out. Raises `ConfigError` for a folder that is no prepared set.
    """
    from safetensors.numpy import save_file

    sets = [trainable_set(folder) for folder in faces.folders]
    usable = np.zeros(len(faces), bool)
    row = faces.row.copy()
    for number, prepared in enumerate(sets):
        own = np.flatnonzero(faces.folder == number)
        row[own] = np.searchsorted(prepared.rows, faces.row[own])
        usable[own] = np.isin(faces.row[own], prepared.rows)
    largest = max(1e-9, float(np.abs(faces.embeddings[usable]).max(initial=0)))
    tensors: dict[str, NDArray[np.generic]] = {
        "folder": faces.folder[usable].astype(np.uint8),
        "row": row[usable].astype(np.uint32),
        "landmarks": faces.landmarks[usable].astype(np.float16),
        "embeddings": np.rint(faces.embeddings[usable] * (_LEVELS / largest)).astype(np.int8),
        "scale": np.array([largest / _LEVELS], np.float32),
        "sides": np.array([one.images.shape[2] for one in sets], np.int64),
    }
    with whole_file(path) as temporary:
        save_file(tensors, temporary)


def load_packed(folders: Sequence[Path], path: Path, *, least: float = 0.0) -> TrainingFaces:
    """The faces that `save_packed` wrote, in the unpacked `folders`, whatever their sides.

    Left out are faces narrower than `least` pixels, and those of images that a folder does not
    have: it may hold the first ones alone. Raises `ModelError` for another file.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    shapes = np.array([trainable_set(folder).images.shape for folder in folders])
    try:
        columns = load_file(path)
        folder, row, marks, levels, scale, sides = (columns[name] for name in _COLUMNS)
    except (OSError, KeyError, SafetensorError) as error:
        raise ModelError(f"{path} is not a file of packed training faces: {error}") from error
    if len(sides) != len(folders):
        raise ModelError(f"{path} is for {len(sides)} folders, not for {len(folders)}")
    reduced = (shapes[:, 2] / sides)[folder]
    landmarks = (marks.astype(np.float64) + 0.5) * reduced[:, None, None] - 0.5
    faces = TrainingFaces(
        tuple(folders),
        folder.astype(np.int64),
        row.astype(np.int64),
        landmarks,
        levels * scale,
    )
    wide = np.array([face_width(one) >= least for one in landmarks], bool)
    return faces.only(wide & (faces.row < shapes[faces.folder, 0]))
