"""A user's own embedder: an ONNX file such as AdaFace's or SFace's, with the card beside it."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from data.boxes import Box
from data.errors import ModelError
from data.images.rgb import RGB
from data.regular_files import open_regular
from data.safe_text import one_line
from pipeline.environment.onnx_models import open_session
from pipeline.identity.alignment import TEMPLATE, chip_at_box, chip_at_landmarks, plausible
from pipeline.identity.embedders.card import EmbedderCard, read_card
from pipeline.identity.embedding import Embedding, Face
from pipeline.identity.normalise import unit

__all__ = ["OnnxEmbedder", "load_onnx_embedder"]

_LARGEST: Final = 1 << 31
_BATCH: Final = 32


@dataclass(frozen=True, eq=False)
class OnnxEmbedder:
    """Embeds faces by the network of an ONNX file; make one with `load_onnx_embedder`."""

    name: str
    card: EmbedderCard
    session: Any
    """onnxruntime's; threads may share it."""

    @property
    def size(self) -> int:
        """See `FaceEmbedder`."""
        return self.card.dimension

    @property
    def fingerprint(self) -> str:
        """Of file and card: another mean or landmark makes other numbers."""
        return hashlib.sha256(repr(self.card).encode()).hexdigest()[:16]

    def faces(self, faces: Sequence[Face], *, restored: bool | Sequence[bool] = False) -> Embedding:
        """See `FaceEmbedder.faces`; restored faces are embedded as any other."""
        chips = [self._chip(face) for face in faces]
        mirrored = [np.ascontiguousarray(one[:, ::-1]) for one in chips]
        both = self.embed_chips([*chips, *mirrored])
        mean = np.asarray((both[: len(chips)] + both[len(chips) :]) / 2, np.float32)
        return self._compared(mean)

    def embed_each(self, images: Sequence[RGB], box: Box) -> Embedding:
        """See `FaceEmbedder.embed_each`."""
        return self._compared(self.embed_chips([self._chip(Face(rgb, box)) for rgb in images]))

    def embed_chips(self, chips: Sequence[RGB]) -> Embedding:
        """What the network gives, `(N, size)`, for aligned faces `(side, side, 3)` uint8 RGB.

        Raises `ModelError` when it fails or gives another shape, or no numbers.
        """
        fixed = isinstance(self.session.get_inputs()[0].shape[0], int)
        step = 1 if fixed else _BATCH
        starts = range(0, len(chips), step)
        parts = [self._run(np.stack(chips[start : start + step])) for start in starts]
        return np.concatenate(parts) if parts else np.empty((0, self.size), np.float32)

    def _run(self, chips: NDArray[np.uint8]) -> Embedding:
        card = self.card
        ordered = chips if card.channels == "rgb" else chips[..., ::-1]
        pixels = (ordered - np.array(card.mean)) * card.scale
        tensor = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), np.float32)
        try:
            found = self.session.run(None, {self.session.get_inputs()[0].name: tensor})[0]
        except Exception as error:  # onnxruntime has a class of its own for each kind of failure
            raise ModelError(f"{self.name} does not take its input: {one_line(error)}") from error
        if np.shape(found) != (len(chips), card.dimension):
            wanted = (len(chips), card.dimension)
            raise ModelError(f"{self.name} gives {np.shape(found)} numbers, its card {wanted}")
        if not np.isfinite(found).all():
            raise ModelError(f"{self.name} gives what is no number")
        return np.asarray(found, np.float32)

    def _chip(self, face: Face) -> RGB:
        rgb, marks = face.rgb, face.landmarks
        if marks is None or not plausible(marks, face.box):
            rgb, marks = chip_at_box(face.rgb, face.box), TEMPLATE
        return chip_at_landmarks(rgb, marks, template=self.card.template, side=self.card.size)

    def _compared(self, embeddings: Embedding) -> Embedding:
        if self.card.distance == "euclidean":
            return embeddings
        return unit(embeddings)


@functools.lru_cache(maxsize=2)
def load_onnx_embedder(path: Path) -> OnnxEmbedder:
    """Open the file once per process, on one thread of the CPU, and try it on one grey image.

    Raises `ModelError` on one line for a missing or broken file or card, a file of another hash,
    and a network whose sizes are not those of the card.
    """
    card = read_card(path)
    try:
        with open_regular(path, limit=_LARGEST) as file:
            content = file.read()
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror or error}") from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != card.sha256:
        raise ModelError(f"{path} is not the file of its card: its sha256 is {digest}")
    session = open_session(content, str(path), device="cpu", threads=1)
    if len(session.get_inputs()) != 1:
        raise ModelError(f"{path} has {len(session.get_inputs())} inputs: a face is one")
    made = OnnxEmbedder(str(path), card, session)
    made.embed_chips([np.full((card.size, card.size, 3), 128, np.uint8)])
    return made
