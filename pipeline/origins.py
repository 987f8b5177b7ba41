"""Public weight files of the originals, turned into ours; entry points of `sr_pipeline.origins`.

Nothing of a file is run: pickles go through torch's restricted unpickler, arrays through numpy
without objects. Every tensor must be there, be known, and have its shape.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from data.errors import ModelError
from pipeline.methods import find_method

if TYPE_CHECKING:
    from torch import Tensor, nn

    from gflmser.cards import ModelCard

Names = tuple[tuple[str, str], ...]
"""Pairs of a pattern of the original's tensor name and what ours is."""

_GROUP: Final = "sr_pipeline.origins"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """How the tensors of one published file become those of a method's restorer."""

    method: str
    network: Callable[[Mapping[str, Tensor]], object]
    """The configuration, as far as it shows in the tensors: a dataclass."""
    translate: Callable[[Mapping[str, Tensor], str], dict[str, Tensor]]
    """From the original's tensors and the file's name; raises ModelError for an unknown tensor."""
    dead: re.Pattern[str] | None = None
    """Tensors that no layer of the original uses: left out, and told on the card."""


def origin_names() -> list[str]:
    """Names of all origins; nothing is imported."""
    return sorted(entry.name for entry in entry_points(group=_GROUP))


def import_weights(file: Path, origin: str, folder: Path, *, name: str | None = None) -> Path:
    """Write the weights of `file` in our format into `folder`; the path of what was written.

    Raises ModelError when the file cannot be read safely or is not of that origin, and for a name
    that is none, or that `folder` has a weight file of.
    """
    from gflmser.cards import ModelCard, WeightsError
    from gflmser.names import checked_name
    from gflmser.schema import dump
    from gflmser.weight_files import digest
    from gflmser.weights import fill, save_weights

    layout = _origin(origin)
    try:
        checked_name(name or origin)
    except ValueError as error:
        raise ModelError(f"--name: {error}") from error
    if (made := folder / f"{name or origin}.safetensors").exists():
        raise ModelError(f"{made} exists: choose another --name or --out")
    state = _read(file)
    unused = [key for key in state if layout.dead is not None and layout.dead.fullmatch(key)]
    state = {key: tensor for key, tensor in state.items() if key not in unused}
    tensors = layout.translate(state, file.name)
    limits = ["Weights of others, trained on data and by rules that are not ours."]
    if unused:
        limits.append(f"Left out, for no layer uses them: {', '.join(unused)}.")
    card = ModelCard(
        name=name or origin,
        method=layout.method,
        network=dump(layout.network(state)),
        origin=f"{file.name} sha256:{digest(file)}",
        limits=tuple(limits),
    )
    restorer = _restorer(card, tensors)
    try:
        fill(restorer, tensors, file.name)
        return save_weights(restorer, card, folder)
    except WeightsError as error:
        raise ModelError(str(error)) from error


def renamed(key: str, names: Names, origin: str) -> str:
    """Our name of an original's tensor; `{block-2}` becomes the original's number less 2.

    Raises ModelError when no pattern of `names` fits.
    """
    for pattern, ours in names:
        match = re.fullmatch(pattern, key)
        if match:
            return _counted(match.expand(ours), match)
    raise ModelError(f"{origin}: tensor '{key}' is not part of the network")


def _counted(name: str, original: re.Match[str]) -> str:
    return re.sub(r"\{block-(\d)\}", lambda m: str(int(original[1]) - int(m[1])), name)


def _origin(name: str) -> Origin:
    entries = {entry.name: entry for entry in entry_points(group=_GROUP)}
    if name not in entries:
        near = difflib.get_close_matches(name, entries, n=1, cutoff=0.0)
        hint = f"; the nearest one is {near[0]!r}" if near else ""
        raise ModelError(f"there is no origin {name!r}{hint}")
    return cast(Origin, entries[name].load())


def _restorer(card: ModelCard, tensors: dict[str, Tensor]) -> nn.Module:
    from gflmser.schema import ConfigError

    try:
        restorer = find_method(card.method).build(card)
    except ConfigError as error:
        raise ModelError(f"{card.name}: {error}") from error
    wanted = restorer.state_dict()
    for key in wanted.keys() - tensors.keys():
        # old files have no such counter, and it is not used after training
        if key.endswith("num_batches_tracked"):
            tensors[key] = wanted[key]
    return restorer


def _read(file: Path) -> dict[str, Tensor]:
    import numpy as np
    import torch

    from pipeline.upscalers.inference.state_dicts import read_state

    if file.suffix == ".npz":
        try:
            with np.load(file, allow_pickle=False) as arrays:
                return {key: torch.from_numpy(arrays[key]) for key in arrays.files}
        except (OSError, ValueError) as error:
            raise ModelError(f"{file.name} cannot be read: {error}") from error
    state: Any = read_state(file)
    for key in ("state_dict", "model"):
        if isinstance(state.get(key), dict):
            state = state[key]
    tensors = {key.removeprefix("module."): value for key, value in state.items()}
    for key, value in tensors.items():
        if not isinstance(value, torch.Tensor):
            raise ModelError(f"{file.name}: '{key}' is not a tensor")
    return tensors
