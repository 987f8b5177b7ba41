"""A GFLmser from its weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import Tensor

from gflmser.cards import ModelCard, Record, WeightsError
from gflmser.config import NetworkConfig
from gflmser.network import GFLmser, H2LNet
from gflmser.schema import dump, parse
from gflmser.weights import load_weights


class NoDegrader(H2LNet):
    """In the place of H2L where a file holds the restorer alone; to use it is an error."""

    def __init__(self, name: str) -> None:
        super(H2LNet, self).__init__()
        self._name = name

    def features(self, hr: Tensor, noise: Tensor | None = None) -> Any:  # noqa: ANN401
        """Raise WeightsError: there is no H2L."""
        raise WeightsError(f"{self._name} holds the restorer alone: it has no H2L")

    forward: Callable[..., Any] = features


def build_gflmser(card: ModelCard) -> GFLmser:
    """The networks that a card describes, not yet trained; without H2L for a `restorer`.

    Raises WeightsError for a card of another method or of a restorer that needs H2L, and
    ConfigError for a network that cannot be.
    """
    if card.method != "gflmser":
        raise WeightsError(f"its method is '{card.method}', not gflmser")
    model = GFLmser(parse(NetworkConfig, card.network, at="network"))
    if card.role == "restorer":
        if needs_degrader(model.config):
            raise WeightsError(f"its skip source '{card.source}' needs H2L, which it does not hold")
        model.h2l = NoDegrader(card.name)
    return model


def card_of(name: str, network: NetworkConfig, record: Record | None = None) -> ModelCard:
    """The card of a GFLmser with those networks."""
    entries = (record or Record()).entries()
    return ModelCard(name=name, method="gflmser", network=dump(network), **entries)


def needs_degrader(config: NetworkConfig) -> bool:
    """Whether L2H cannot restore without H2L: for its skips, or for weights that are tied."""
    return config.tied or config.source not in ("none", "internal")


def load_gflmser(name_or_path: str | Path) -> tuple[GFLmser, ModelCard]:
    """The networks in float32, in evaluation mode, and their card.

    Takes the name of a shipped weight or the path of a safetensors file; raises WeightsError.
    """
    return load_weights(name_or_path, build_gflmser)
