"""The trainable methods by name: GFLmser, and what entry points of `sr_pipeline.methods` add."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from data.errors import ModelError

if TYPE_CHECKING:
    from torch import nn

    from gflmser.cards import ModelCard
    from gflmser.training.method import Method

GFLMSER: Final = "gflmser"
"""The method of a TOML file that names none."""
_GROUP: Final = "sr_pipeline.methods"


def method_names() -> list[str]:
    """Names of all methods, GFLmser first."""
    return [GFLMSER, *sorted(set(_entries()) - {GFLMSER})]


def find_method(name: str) -> Method:
    """The method of that name; raises ModelError, naming the nearest one, when there is none."""
    if name == GFLMSER:
        from gflmser.method import METHOD

        return METHOD
    found = _entries().get(name)
    if found is None:
        near = difflib.get_close_matches(name, method_names(), n=1, cutoff=0.0)[0]
        raise ModelError(f"there is no method {name!r}; the nearest one is {near!r}")
    return cast("Method", found.load())


def read_config(path: Path, settings: Sequence[str] = ()) -> tuple[Method, Any]:
    """The method that a TOML file names by its key `method`, and the file as its configuration.

    Each `dotted.key=value` of `settings` is laid over the file. Raises ModelError for an unknown
    method and ConfigError for all that `gflmser.schema.load` refuses.
    """
    from gflmser.schema import ConfigError, load, read_toml

    name = read_toml(path).get("method", GFLMSER)
    if not isinstance(name, str):
        raise ConfigError(f"{path}: 'method' must be a name, not {name!r}")
    method = find_method(name)
    return method, load(method.config, path, settings)


def load_trained(name_or_path: str | Path) -> tuple[nn.Module, ModelCard]:
    """The network of a weight file of any method, in evaluation mode, and its card.

    Takes the name of a shipped weight or the path of a file; raises ModelError.
    """
    from gflmser.cards import WeightsError
    from gflmser.weights import load_weights

    try:
        return load_weights(name_or_path, _build)
    except WeightsError as error:
        raise ModelError(str(error)) from error


def verify_trained(name_or_path: str | Path) -> list[str]:
    """What is wrong with a weight file of any method; empty when nothing is."""
    from gflmser.weights import verify_weights

    return verify_weights(name_or_path, _build)


def _build(card: ModelCard) -> nn.Module:
    from gflmser.cards import WeightsError

    try:
        return find_method(card.method).build(card)
    except ModelError as error:
        raise WeightsError(str(error)) from error


def _entries() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=_GROUP)}
