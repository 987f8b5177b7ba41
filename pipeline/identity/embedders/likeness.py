"""How alike two faces are to an embedder that no cohort was made for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from pipeline.identity.cohorts import Likeness, View, load_cohorts
from pipeline.identity.embedders.base import Distance
from pipeline.identity.embedders.loading import CHANGES, DLIB
from pipeline.identity.embedding import Embedding
from pipeline.identity.normalise import Cohort, Floats, unit

__all__ = ["PlainLikeness", "likeness_of"]

_SCALE: Final = 10.0
"""Brings similarities to the size of normalised ones, for which margins are tried."""


@dataclass(frozen=True, slots=True)
class PlainLikeness:
    """Ten times the cosine, or ten less ten times half the Euclidean distance; see `Cohorts`."""

    distance: Distance

    @property
    def views(self) -> Mapping[View, Cohort]:
        """None: galleries are compared as they are."""
        return {}

    def view(self, upscaler: str, width: float) -> View | None:
        """None: see `views`."""
        del upscaler, width
        return None

    def similarities(
        self, probes: Embedding, known: Embedding, view: View | None, seen: Embedding | None
    ) -> Floats:
        """Similarities `(P, K)` of probes to a gallery; nobody has a `view`."""
        del view, seen
        if self.distance == "cosine":
            return np.asarray(_SCALE * (unit(probes) @ unit(known).T), np.float32)
        apart = np.linalg.norm(probes[:, None] - known[None], axis=2)
        return np.asarray(_SCALE * (1 - apart / 2), np.float32)

    def fingerprint(self, upscaler: str) -> str:
        """The name of the measure: nothing else is known of other faces."""
        del upscaler
        return f"plain {self.distance}"


def likeness_of(embedder: str) -> Likeness:
    """The shipped cohorts for dlib's network, changed or not; plain similarities for any other.

    Raises `ModelError` when the embedder or the cohorts cannot be loaded.
    """
    if embedder == DLIB or embedder.endswith(CHANGES):
        return load_cohorts()
    from pathlib import Path

    from pipeline.identity.embedders.onnx_file import load_onnx_embedder

    return PlainLikeness(load_onnx_embedder(Path(embedder)).card.distance)
