"""What every embedder of faces can do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from data.boxes import Box
from data.images.rgb import RGB
from pipeline.identity.embedding import Embedding, Face

__all__ = ["Distance", "FaceEmbedder"]

Distance = Literal["cosine", "euclidean"]
"""How two embeddings are compared; those of `cosine` have length 1."""


class FaceEmbedder(Protocol):
    """Turns faces into rows of `size` numbers, float32."""

    @property
    def size(self) -> int:
        """Numbers of an embedding."""

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that rules for names are tied to."""

    def faces(self, faces: Sequence[Face], *, restored: bool | Sequence[bool] = False) -> Embedding:
        """`(N, size)`, each the mean of a face and its mirror image.

        `restored` says which faces were small and are restored: a network may know them better.
        Raises `ValueError` for a box without area.
        """

    def embed_each(self, images: Sequence[RGB], box: Box) -> Embedding:
        """`(N, size)` of the face at `box`, pixels, in each of `images`."""
