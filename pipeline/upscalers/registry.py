"""Where names of upscalers come from: providers, asked only when a name is not interpolation."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import Final, cast

from pipeline.upscalers.base import Provider

_GROUP: Final = "sr_pipeline.upscalers"
"""Entry points by which other packages add providers."""

_registered: list[Provider] = []


def register(provider: Provider) -> None:
    """Offer the upscalers of `provider` under their names to every caller of `load_upscaler`."""
    if provider not in _registered:
        _registered.append(provider)


def providers() -> Iterator[Provider]:
    """Every provider: our trained weights, those of other packages, and those registered here."""
    from pipeline.upscalers.trained import TrainedWeights

    yield TrainedWeights()
    for entry in entry_points(group=_GROUP):
        yield cast(Provider, entry.load()())
    yield from _registered
