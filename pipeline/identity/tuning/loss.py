"""How far restored faces are from their HR embeddings, and how well they are told from others."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["Loss", "Targets"]

_TEMPERATURE: Final = 0.07
_SAME: Final = 0.55
"""Centred cosine of targets from which two images may show one person: no negatives then."""


@dataclass(frozen=True, eq=False)
class Targets:
    """The frozen embeddings of all training faces."""

    embeddings: Tensor
    """`(M, 128)`"""
    mean: Tensor
    """`(128,)`"""

    def centred(self, embeddings: Tensor) -> Tensor:
        """Directions from the mean face."""
        return functional.normalize(embeddings - self.mean, dim=1)

    @functools.cached_property
    def bank(self) -> Tensor:
        """The directions of all training faces, `(M, 128)`."""
        return self.centred(self.embeddings)

    def to(self, device: torch.device | str) -> Targets:
        """The same on `device`."""
        return Targets(self.embeddings.to(device), self.mean.to(device))


@dataclass(frozen=True, slots=True)
class Loss:
    """Weights of the three parts: centred cosine, InfoNCE over all faces, squared distance."""

    cosine: float = 1.0
    contrast: float = 0.15
    distance: float = 1.0

    def __call__(
        self, found: Tensor, rows: Tensor, targets: Targets
    ) -> tuple[Tensor, dict[str, float]]:
        """The loss of embeddings `(N, 128)` of the faces `rows`, and its parts for the log."""
        own = targets.embeddings[rows]
        bank = targets.bank
        at, to = targets.centred(found), bank[rows]
        cosine = 1 - (at * to).sum(1).mean()
        alike = to @ bank.T > _SAME
        alike[torch.arange(len(rows), device=rows.device), rows] = False
        logits = (at @ bank.T / _TEMPERATURE).masked_fill(alike, -1e4)
        contrast = functional.cross_entropy(logits, rows)
        distance = (found - own).square().sum(1).mean()
        whole = self.cosine * cosine + self.contrast * contrast + self.distance * distance
        first = (logits.argmax(1) == rows).float().mean()
        parts = {"cosine": cosine, "contrast": contrast, "distance": distance, "rank1": first}
        # One transfer, not one for each part.
        values = torch.stack([value.detach() for value in parts.values()]).tolist()
        return whole, dict(zip(parts, values, strict=True))
