"""A teacher: a network whose images, averaged over a face and its mirror, stand in for the truth.

What 16x16 pixels do not hold is noise to whoever learns from the ground truth. The mean of a
network's two views has less of that noise, and errs less than either view.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gflmser.cards import WeightsError
from gflmser.load import load_gflmser
from gflmser.schema import ConfigError

_ACROSS = (3,)


class Teacher:
    """Frozen weights; no module of the training, so that no checkpoint holds them."""

    def __init__(self, weights: str) -> None:
        """Raises ConfigError for weights that cannot be read or that are an oracle's."""
        try:
            model, card = load_gflmser(weights)
        except WeightsError as error:
            raise ConfigError(f"'teacher': {error}") from error
        if model.config.oracle:
            raise ConfigError(f"'teacher': {card.name} is an oracle, it needs the ground truth")
        self._model = model.requires_grad_(False)

    @torch.no_grad()
    def __call__(self, lr: Tensor) -> Tensor:
        """`(N, 3, H, W)` in [-1, 1] to `(N, 3, 4H, 4W)`: the mean of both views."""
        model = self._model.to(lr.device)
        mirrored = model.restore(lr.flip(_ACROSS)).flip(_ACROSS)
        return (model.restore(lr) + mirrored) / 2
