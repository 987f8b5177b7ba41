"""Training faces of prepared sets: where each face lies, and the frozen network's numbers of it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from data.atomic import whole_file
from data.errors import ModelError, UsageError
from data.images.rgb import RGB
from gflmser.training.sampler import CachedFaces
from pipeline.identity.embedding import Embedding, load_embedder
from pipeline.identity.faces_of_people import central_face
from pipeline.identity.tuning.loss import Targets

__all__ = ["TrainingFaces", "found_faces", "load_faces", "save_faces", "trainable_set"]

_BATCH: Final = 32
_LEAST_PX: Final = 30.0
"""Narrower faces are no HR."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainingFaces:
    """Faces of prepared sets, `M` of them; another process gets the paths, not the images."""

    folders: tuple[Path, ...]
    folder: NDArray[np.int64]
    """`(M,)`, which of `folders`."""
    row: NDArray[np.int64]
    """`(M,)`, row of its `images`."""
    landmarks: NDArray[np.float64]
    """`(M, 5, 2)` in pixels of the image."""
    embeddings: Embedding
    """`(M, 128)`, mean of a face and its mirror image, by the frozen network."""

    def __len__(self) -> int:
        return len(self.row)

    def __getitem__(self, number: int) -> tuple[RGB, NDArray[np.float64]]:
        """The image and the landmarks of face `number`."""
        images = trainable_set(self.folders[int(self.folder[number])]).images
        return np.asarray(images[int(self.row[number])]), self.landmarks[number]

    def only(self, chosen: NDArray[np.bool_]) -> TrainingFaces:
        """The faces that are `chosen` `(M,)`, in their order."""
        columns = {name: getattr(self, name)[chosen] for name in _STORED}
        return TrainingFaces(self.folders, **columns)

    @property
    def targets(self) -> Targets:
        """What tuned embeddings should be."""
        rows = torch.from_numpy(self.embeddings)
        return Targets(rows, rows.mean(0))


def found_faces(
    folders: Sequence[Path], *, most: int | None = None, progress: Callable[[int], object] = id
) -> TrainingFaces:
    """Find and embed the central face of each image, of at most `most` images of a folder.

    Rows that a folder's `excluded.csv` names are left out. Raises `ConfigError` for what is no
    prepared set, `UsageError` for a test set or where no face is found.
    """
    sets = [trainable_set(folder) for folder in folders]
    parts = [part for i, faces in enumerate(sets) for part in _of(i, faces, most, progress)]
    if not parts:
        raise UsageError("no face was found in the training images")
    folder, row, marks, embeddings = (np.concatenate(column) for column in zip(*parts, strict=True))
    return TrainingFaces(tuple(folders), folder, row, marks, embeddings)


def save_faces(faces: TrainingFaces, path: Path) -> None:
    """Write everything but the images."""
    from safetensors.numpy import save_file

    tensors = {n: np.ascontiguousarray(getattr(faces, n), kind) for n, kind in _STORED.items()}
    with whole_file(path) as temporary:
        save_file(tensors, temporary)


def load_faces(folders: Sequence[Path], path: Path) -> TrainingFaces:
    """What `save_faces` wrote for the same `folders`; raises `ModelError` for another file."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    for folder in folders:
        trainable_set(folder)
    try:
        stored = load_file(path)
        columns = {name: stored[name].astype(kind) for name, kind in _STORED.items()}
    except (OSError, KeyError, SafetensorError) as error:
        raise ModelError(f"{path} is not a file of training faces: {error}") from error
    return TrainingFaces(tuple(folders), **columns)


_STORED: Final = {
    "folder": np.int64, "row": np.int64, "landmarks": np.float64, "embeddings": np.float32
}  # fmt: skip


@functools.lru_cache(maxsize=16)
def trainable_set(folder: Path) -> CachedFaces:
    """The prepared set in `folder`, opened once per process.

    Raises `ConfigError` for what is no prepared set, `UsageError` for a test set.
    """
    faces = CachedFaces(folder)
    if faces.meta.get("test_only"):
        raise UsageError(f"{folder} is made of a test set: nobody may train on it")
    return faces


def _of(
    number: int, faces: CachedFaces, most: int | None, progress: Callable[[int], object]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], Embedding]]:
    rows = np.random.default_rng(0).permutation(faces.rows)[:most]
    for start in range(0, len(rows), _BATCH):
        part = rows[start : start + _BATCH]
        seen = [(row, central_face(np.array(faces.images[row]))) for row in part]
        kept = [
            (row, face)
            for row, face in seen
            if face is not None and face.landmarks is not None and face.box.width >= _LEAST_PX
        ]
        progress(len(part))
        if kept:
            yield (
                np.full(len(kept), number, np.int64),
                np.array([row for row, _ in kept], np.int64),
                np.array([face.landmarks for _, face in kept], np.float64),
                load_embedder().faces([face for _, face in kept]),
            )
