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
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.identity.embedding import Embedding

__all__ = ["MEASURE", "Cohort", "normalised", "standings", "unit"]

NEAREST: Final = 60
"""Members of the cohort that a face is seen against."""
MEASURE: Final = "above the next nine"
"""Name of what `standings` measures; rules that were measured otherwise do not hold."""
_NEXT: Final = 9
_NEXT_SHARE: Final = 0.5
"""1 is as good for single small faces of lfw-val and celeba-val, worse for four images or 18 px."""

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
        faces = unit(embeddings - mean)
        draw = np.random.default_rng(seed)
        directions = faces[draw.choice(len(faces), min(members, len(faces)), replace=False)]
        for _ in range(6):
            nearest = (faces @ directions.T).argmax(1)
            sums = np.zeros_like(directions)
            np.add.at(sums, nearest, faces)
            filled = np.linalg.norm(sums, axis=1, keepdims=True) > 0
            directions = np.where(filled, unit(sums), directions)
        return cls(mean.astype(np.float32), directions.astype(np.float32))

    def units(self, embeddings: Embedding) -> Floats:
        """`embeddings` `(N, 128)` as directions of length 1 from the mean."""
        return unit(embeddings - self.mean)

    def similarities(self, probes: Embedding, known: Embedding) -> Floats:
        """Normalised similarities `(P, K)`: 0 is a stranger who looks alike, 5 is rarely one.

        The same two faces give the same figure in either order.
        """
        return normalised(probes, self, known, self)

    @functools.cached_property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits of the hash of the cohort."""
        return hashlib.sha256(self.mean.tobytes() + self.directions.tobytes()).hexdigest()[:16]

    def against(self, faces: Floats) -> tuple[Floats, Floats]:
        """Mean and spread `(N,)` of what directions `(N, 128)` have with the nearest members."""
        count = min(NEAREST, len(self.directions))
        nearest = np.partition(faces @ self.directions.T, -count, axis=1)[:, -count:]
        return nearest.mean(1), np.maximum(nearest.std(1), 1e-3)


def normalised(
    probes: Embedding, like_probes: Cohort, known: Embedding, like_known: Cohort
) -> Floats:
    """Similarities `(P, K)` of faces that were seen in two ways, each way with a cohort of its own.

    A probe is seen against the faces that a gallery could hold, and the other way round.
    """
    a, b = like_probes.units(probes), like_known.units(known)
    middle_a, spread_a = like_known.against(a)
    middle_b, spread_b = like_probes.against(b)
    plain = a @ b.T
    seen_from_a = (plain - middle_a[:, None]) / spread_a[:, None]
    seen_from_b = (plain - middle_b[None]) / spread_b[None]
    return np.asarray((seen_from_a + seen_from_b) / 2, np.float32)


def standings(similar: Floats) -> Floats:
    """How far the closest person of a gallery stands out, `(P,)` of similarities `(P, K)`.

    Half the distance to the mean of the next nine people is added to the similarity of the closest.
    A face that is like many is no evidence for one. A small gallery has all others for the nine,
    and a gallery of one the similarity alone.

    Example:
        >>> standings(np.array([[4.0, 3.0, 3.0], [4.0, 0.0, 2.0]], np.float32)).tolist()
        [4.5, 5.5]
    """
    count = min(_NEXT + 1, similar.shape[1])
    top = np.partition(similar, -count, axis=1)[:, -count:]
    closest = top.max(axis=1)
    following = (top.sum(axis=1) - closest) / max(count - 1, 1)
    share = _NEXT_SHARE if count > 1 else 0.0
    return np.asarray(closest + share * (closest - following), np.float32)


def unit(vectors: Floats) -> Floats:
    """Rows `(N, D)` at length 1; a row of zeros stays."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-6), np.float32)
