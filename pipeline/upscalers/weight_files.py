"""Weight files given by path: ours by what they say of themselves, all others through spandrel."""

from __future__ import annotations

from pathlib import Path

from pipeline.environment.devices import resolve_device
from pipeline.upscalers.base import LoadOptions, Upscaler
from pipeline.upscalers.inference.batched import NetworkUpscaler
from pipeline.upscalers.registry import providers
from pipeline.upscalers.spandrel_models import load_network


def load_file(path: Path, options: LoadOptions) -> Upscaler:
    """The network in `path`; raises ModelError when no reader knows it."""
    for provider in providers():
        if provider.reads(path):
            return provider.load(str(path), options)
    device = resolve_device(options.device)
    return NetworkUpscaler(load_network(path, device), device, options)
