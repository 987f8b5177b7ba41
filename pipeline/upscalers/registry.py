"""Where names of upscalers come from: providers, asked only when a name is not interpolation."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Final, cast

from pipeline.upscalers.protocol import Provider

_KNOWN: Final = (
    ("pipeline.upscalers.shipped", "ShippedWeights"),
    ("benchmarks.rivals.upscalers", "RivalWeights"),
)
"""Modules by name, for they import torch, and `benchmarks` is above `pipeline`."""

_registered: list[Provider] = []


def register(provider: Provider) -> None:
    """Offer the upscalers of `provider` under their names to every caller of `load_upscaler`."""
    if provider not in _registered:
        _registered.append(provider)


def providers() -> Iterator[Provider]:
    """Every provider: the shipped GFLmsers, the rivals, and those registered here."""
    for module, name in _KNOWN:
        yield cast(Provider, getattr(import_module(module), name)())
    yield from _registered
