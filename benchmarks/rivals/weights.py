"""Weights of a rival's restorer: one safetensors file with its card inside, and the card beside it.

Parameters are stored as float16; figures of batch normalisation stay float32, a variance may not
fit. The card has the same fields as that of a GFLmser, and the method beside the network.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from benchmarks.rivals.registry import METHODS
from data.errors import ModelError
from gflmser.card_entries import checked_entries
from gflmser.schema import ConfigError, dump, parse
from gflmser.weights import SHIPPED, Record, WeightsError, digest, store, stored_card

FORMAT: Final = "sr-rival-1"
RIVALS: Final = SHIPPED / "rivals"
"""Where the weights of the rivals are that come with the repository."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RivalCard(Record):
    """What is known about a weight file of a rival."""

    name: str
    method: str
    network: Mapping[str, Any]
    """The network's configuration, as plain values."""
    source: str = ""
    """Where imported weights come from: the file's name and hash."""
    sha256: str = ""
    """Of the safetensors file; empty in the copy that the file carries itself."""


def build(card: RivalCard) -> nn.Module:
    """The restorer that a card describes, not yet trained; ModelError for an unknown one."""
    if card.method not in METHODS:
        raise ModelError(f"{card.name}: method {card.method!r} is not one of {', '.join(METHODS)}")
    method = METHODS[card.method]
    try:
        return method.restorer(parse(method.network, card.network, at="network"))
    except ConfigError as error:
        raise ModelError(f"{card.name}: {error}") from error


@torch.no_grad()
def round_weights(restorer: nn.Module) -> None:
    """Round the parameters as `save_rival` will, so that figures are those of the file."""
    for parameter in restorer.parameters():
        parameter.copy_(parameter.half().float())


def save_rival(restorer: nn.Module, card: RivalCard, folder: Path) -> Path:
    """Write `NAME.safetensors` and `NAME.json` into `folder`; the path of the former."""
    halved = {name for name, _ in restorer.named_parameters()}
    tensors = {
        key: (tensor.half() if key in halved else tensor).detach().cpu().contiguous()
        for key, tensor in restorer.state_dict().items()
    }
    return store(folder, tensors, FORMAT, {"name": card.name, **dump(card)})


def load_rival(path: Path) -> tuple[nn.Module, RivalCard]:
    """The restorer in float32, in evaluation mode, and its card.

    Raises ModelError when the file is not ours or its tensors are not those of its card.
    """
    try:
        with safe_open(path, "pt") as file:
            card = _card(file.metadata(), path)
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path.name} is not a safetensors file: {error}") from error
    restorer = build(card)
    fill(restorer, tensors, path.name)
    return restorer.eval(), card


def fill(restorer: nn.Module, tensors: Mapping[str, Tensor], origin: str) -> None:
    """Load `tensors`, all of them and no other; ModelError names the first that does not fit."""
    wanted = restorer.state_dict()
    for key, tensor in tensors.items():
        if key not in wanted:
            raise ModelError(f"{origin}: tensor '{key}' is not part of the network")
        if tensor.shape != wanted[key].shape:
            shapes = f"{tuple(tensor.shape)}, not {tuple(wanted[key].shape)}"
            raise ModelError(f"{origin}: tensor '{key}' is {shapes}")
    missing = sorted(wanted.keys() - tensors.keys())
    if missing:
        raise ModelError(f"{origin}: tensor '{missing[0]}' is missing")
    restorer.load_state_dict({key: t.to(wanted[key].dtype) for key, t in tensors.items()})


def read_card(path: Path) -> RivalCard:
    """The card alone; no tensor is read."""
    try:
        with safe_open(path, "np") as file:
            return _card(file.metadata(), path)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path.name} is not a safetensors file: {error}") from error


def list_rivals(folder: Path | None = None) -> list[RivalCard]:
    """The cards of the shipped rivals (or of those in `folder`), by name."""
    return [read_card(path) for path in sorted((folder or RIVALS).glob("*.safetensors"))]


def rival_file(name_or_path: str | Path) -> Path | None:
    """The file of a shipped rival or of a path that says it holds one; None for anything else."""
    path = Path(name_or_path)
    if path.suffix != ".safetensors":
        path = RIVALS / f"{name_or_path}.safetensors"
    try:
        with safe_open(path, "np") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError):
        return None
    return path if metadata.get("format") == FORMAT else None


def verify_rival(path: Path) -> list[str]:
    """What is wrong with a weight: hash, card, tensors; empty when nothing is."""
    beside = path.with_suffix(".json")
    try:
        _, card = load_rival(path)
        written = json.loads(beside.read_text("utf-8"))
        promised = written.pop("sha256", "")
        told = _parse(written, beside)
    except ModelError as error:
        return [str(error)]
    except (OSError, ValueError, AttributeError, TypeError):
        return [f"{beside.name} is missing or damaged"]
    problems = []
    if promised != digest(path):
        problems.append(f"{path.name} is not the file that its card was written for")
    if told != card:
        problems.append(f"{beside.name} differs from the card inside the file")
    return problems


def _card(metadata: Mapping[str, str] | None, path: Path) -> RivalCard:
    try:
        return _parse(stored_card(metadata, path, file_format=FORMAT, kind="rival"), path)
    except WeightsError as error:
        raise ModelError(str(error)) from error


def _parse(values: Mapping[str, Any], path: Path) -> RivalCard:
    known = {f.name for f in fields(RivalCard)}
    try:
        kept = {key: value for key, value in values.items() if key in known}
        return RivalCard(**checked_entries(kept))
    except (TypeError, ValueError) as error:
        raise ModelError(f"{path.name}: the card cannot be read: {error}") from error
