"""Many embeddings of one face become one: the mean, weighted by the area of the face.

Weights by area beat plain means and weights by a quality score where sizes differ. On faces of 10
to 24 pixels TAR at FAR 1 % is 0.96 against 0.91 and 0.89: see docs/lab-notes/identity.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.tracks.base import Embedding, Track

__all__ = ["fuse", "fused"]


def fuse(embeddings: Sequence[Embedding], areas: Sequence[float]) -> Embedding:
    """Return the mean of `embeddings` (each `(128,)`), weighted by `areas` (at least one above 0).

    Raises `ValueError` when there is nothing to fuse or the lengths differ.

    Example:
        >>> fuse([np.zeros(2, np.float32), np.ones(2, np.float32)], [1, 3]).tolist()
        [0.75, 0.75]
    """
    weights = np.asarray(areas, np.float64)
    if len(embeddings) != len(weights) or weights.sum() <= 0 or (weights < 0).any():
        raise ValueError(f"{len(embeddings)} embeddings, areas {list(areas)}")
    mean = np.average(np.asarray(embeddings, np.float64), axis=0, weights=weights)
    return mean.astype(np.float32)


def fused(track: Track) -> Embedding | None:
    """Return the embedding of a whole track; None where no face of it has one."""
    known = [(one.embedding, one.box.area) for one in track.sightings if one.embedding is not None]
    if not known or sum(area for _, area in known) <= 0:
        return None
    return fuse([embedding for embedding, _ in known], [area for _, area in known])
