"""Similarities that mean the same for everybody: each is seen against faces of other people.

dlib's network keeps some people closer together than others: the closest strangers seen were
mostly East Asian or Black people. Here a similarity counts by how far it stands above the
similarities of the same two faces to the nearest of a cohort (adaptive symmetric score
normalisation, Matejka 2017).
The cohort holds means of many training faces each, not faces of single people.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from data.errors import ModelError
from pipeline.identity.embedding import Embedding

__all__ = ["Cohort", "load_cohort"]

SHIPPED: Final = Path(__file__).with_name("cohort.safetensors")
NEAREST: Final = 60
"""Members of the cohort that a face is seen against."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Cohort:
    """`mean` (128,) of all faces, and directions `(C, 128)` of length 1 from there."""

    mean: Floats
    directions: Floats

    def __post_init__(self) -> None:
        if self.directions.ndim != 2 or self.directions.shape[1:] != self.mean.shape:
            raise ValueError(f"mean {self.mean.shape}, directions {self.directions.shape}")

    @classmethod
    def of(cls, embeddings: Embedding, members: int, seed: int = 0) -> Self:
        """Group `embeddings` (N, 128) of many people to `members` means by spherical k-means."""
        mean = embeddings.mean(0)
        faces = _unit(embeddings - mean)
        draw = np.random.default_rng(seed)
        directions = faces[draw.choice(len(faces), min(members, len(faces)), replace=False)]
        for _ in range(6):
            nearest = (faces @ directions.T).argmax(1)
            sums = np.zeros_like(directions)
            np.add.at(sums, nearest, faces)
            filled = np.linalg.norm(sums, axis=1, keepdims=True) > 0
            directions = np.where(filled, _unit(sums), directions)
        return cls(mean.astype(np.float32), directions.astype(np.float32))

    def similarities(self, probes: Embedding, known: Embedding) -> Floats:
        """Normalised similarities `(P, K)`: 0 is a stranger who looks alike, 5 is rarely one.

        The same two faces give the same figure in either order.
        """
        a, b = _unit(probes - self.mean), _unit(known - self.mean)
        plain = a @ b.T
        middle_a, spread_a = self._against(a)
        middle_b, spread_b = self._against(b)
        seen_from_a = (plain - middle_a[:, None]) / spread_a[:, None]
        seen_from_b = (plain - middle_b[None]) / spread_b[None]
        return np.asarray((seen_from_a + seen_from_b) / 2, np.float32)

    @functools.cached_property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits of the hash of the cohort."""
        return hashlib.sha256(self.mean.tobytes() + self.directions.tobytes()).hexdigest()[:16]

    def _against(self, faces: Floats) -> tuple[Floats, Floats]:
        count = min(NEAREST, len(self.directions))
        nearest = np.partition(faces @ self.directions.T, -count, axis=1)[:, -count:]
        return nearest.mean(1), np.maximum(nearest.std(1), 1e-3)


@functools.lru_cache(maxsize=2)
def load_cohort(path: Path = SHIPPED) -> Cohort:
    """Read a cohort; raises `ModelError` on one line when it is missing or broken."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        parts = {name: values.astype(np.float32) for name, values in load_file(path).items()}
        return Cohort(parts["mean"], parts["directions"])
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise ModelError(f"{path}: not a cohort: {' '.join(str(error).split())}") from error


def _unit(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-6), np.float32)
