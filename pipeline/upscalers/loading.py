"""One door to every upscaler: a name, or a weight file, becomes a function on images."""

import functools
from difflib import get_close_matches
from pathlib import Path

from data.errors import ModelError
from data.regular_files import is_regular
from pipeline.names import Precision
from pipeline.upscalers.base import LoadOptions, Provider, Upscaler
from pipeline.upscalers.ensemble import ENSEMBLE, MirrorEnsemble
from pipeline.upscalers.interpolation import INTERPOLATORS
from pipeline.upscalers.registry import providers, register

__all__ = [
    "LoadOptions",
    "Precision",
    "Provider",
    "Upscaler",
    "load_upscaler",
    "network_of",
    "register",
    "shared_upscaler",
    "upscaler_names",
]


def upscaler_names() -> list[str]:
    """Every name that `load_upscaler` takes: interpolation first, then weights, sorted."""
    found = {name for provider in providers() for name in provider.names()}
    return [*INTERPOLATORS, *sorted(found - INTERPOLATORS.keys())]


def load_upscaler(
    name_or_file: str | Path,
    *,
    device: str = "auto",
    precision: Precision = "fp32",
    batch_size: int = 64,
    tile: int = 256,
    overlap: int = 16,
    threads: int | None = None,
    allow_oracle: bool = False,
    consistent: bool = False,
    compiled: bool = False,
) -> Upscaler:
    """Load an upscaler by name or from a weight file; torch is imported for networks only.

    A `+` after the name or file of a network asks for the mean with the mirror image.

    Raises ModelError with one line when the name is unknown, the file cannot be read as a network,
    the device is absent, or the precision does not suit it. `consistent` and `+` need a network
    that enlarges by four. An oracle (trained to see the ground truth) needs `allow_oracle`.
    """
    options = LoadOptions(
        device, precision, batch_size, tile, overlap, threads, allow_oracle, consistent, compiled
    )
    return _load(str(name_or_file), options)


@functools.lru_cache(maxsize=32)
def shared_upscaler(name_or_file: str, options: LoadOptions) -> Upscaler:
    """`load_upscaler` once per process for the same name and options; the errors are its own."""
    return _load(name_or_file, options)


def _load(name: str, options: LoadOptions) -> Upscaler:
    plain = network_of(name)
    if plain in INTERPOLATORS:
        if options.consistent or plain != name:
            wish = "made consistent" if options.consistent else "averaged with the mirror image"
            raise ModelError(f"{plain} is no network: only those can be {wish}")
        return INTERPOLATORS[plain]
    network = _load_network(plain, options)
    return network if plain == name else MirrorEnsemble(network)


def network_of(name_or_file: str) -> str:
    """The name or file without the `+` that asks for the mean with the mirror image."""
    return name_or_file if is_regular(Path(name_or_file)) else name_or_file.removesuffix(ENSEMBLE)


def _load_network(name: str, options: LoadOptions) -> Upscaler:
    path = Path(name)
    if path.suffix and is_regular(path):
        from pipeline.upscalers.weight_files import load_file

        return load_file(path, options)
    for provider in providers():
        if name in provider.names():
            return provider.load(name, options)
    raise ModelError(_unknown(name))


def _unknown(name: str) -> str:
    names = upscaler_names()
    close = get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}? " if close else ""
    return f"no upscaler and no weight file is called {name!r}; {hint}known: {', '.join(names)}"
