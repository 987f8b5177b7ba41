"""Where names of upscalers come from: providers, asked only when a name is not interpolation."""

from collections.abc import Iterator
from functools import cache
from typing import Final

from pipeline.upscalers.protocol import Provider

ENTRY_POINT_GROUP: Final = "sr_pipeline.upscalers"
"""Installed packages (the rivals of `benchmarks`, anyone's) offer a Provider under this group."""

_registered: list[Provider] = []


def register(provider: Provider) -> None:
    """Offer the upscalers of `provider` under their names to every caller of `load_upscaler`."""
    if provider not in _registered:
        _registered.append(provider)


def providers() -> Iterator[Provider]:
    """Every provider: the shipped weights, those registered here, those of installed packages."""
    from pipeline.upscalers.shipped import ShippedWeights

    yield ShippedWeights()
    yield from _registered
    yield from _installed()


@cache
def _installed() -> tuple[Provider, ...]:
    from importlib.metadata import entry_points

    return tuple(point.load()() for point in entry_points(group=ENTRY_POINT_GROUP))
