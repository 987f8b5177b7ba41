"""Weights on disk, for every method: a safetensors file with its card inside, and a JSON card.

The file can be used alone; the card beside it is for people and adds the SHA-256 of the file.
Parameters are stored as float16, which moves no pixel by more than one grey level and halves the
size. Buffers (the variances of batch normalisation may not fit) stay as they are. Networks are
always built in float32 first.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import torch
from torch import Tensor, nn

from gflmser.cards import ModelCard, WeightsError
from gflmser.schema import ConfigError
from gflmser.weight_files import card_beside, card_inside, digest, read_weights, store

M = TypeVar("M", bound=nn.Module)

SHIPPED: Final = Path(__file__).resolve().parent.parent / "data" / "weights"
"""Where the weights of the repository are; those of rivals are in a folder of it."""


def save_weights(module: nn.Module, card: ModelCard, folder: Path) -> Path:
    """Write `NAME.safetensors` and `NAME.json` into `folder`; the path of the former.

    Raises WeightsError when an oracle has a name that does not say so.
    """
    if card.oracle and "oracle" not in card.name:
        raise WeightsError(f"'{card.name}' needs the ground truth: its name must say 'oracle'")
    halved = {name for name, _ in module.named_parameters()}
    tensors = {
        key: (tensor.half() if key in halved else tensor).detach().cpu().contiguous()
        for key, tensor in module.state_dict().items()
    }
    return store(tensors, card, folder)


def load_weights(name_or_path: str | Path, build: Callable[[ModelCard], M]) -> tuple[M, ModelCard]:
    """The network in float32, in evaluation mode, and its card; `build` makes it from the card.

    Takes the name of a shipped weight or the path of a safetensors file. Raises WeightsError when
    there is none, when it is not ours, or when tensors and card disagree.
    """
    path = find(name_or_path)
    card, tensors = read_weights(path)
    try:
        with torch.device("meta"):  # a card may ask for any size: no memory until tensors fit
            check(build(card), tensors, path.name)
        module = build(card)
    except ConfigError as error:
        raise WeightsError(f"{path.name}: {error}") from error
    fill(module, tensors, path.name)
    return module.eval(), card


def fill(module: nn.Module, tensors: Mapping[str, Tensor], origin: str) -> None:
    """Load `tensors`, all of them and no other; WeightsError names the first that does not fit."""
    check(module, tensors, origin)
    wanted = module.state_dict()
    module.load_state_dict({key: t.to(wanted[key].dtype) for key, t in tensors.items()})


def check(module: nn.Module, tensors: Mapping[str, Tensor], origin: str) -> None:
    """Raise WeightsError, naming the first tensor that is missing, unknown or of another shape."""
    wanted = module.state_dict()
    for key, tensor in tensors.items():
        if key not in wanted:
            raise WeightsError(f"{origin}: tensor '{key}' is not part of the network")
        if tensor.shape != wanted[key].shape:
            shapes = f"{tuple(tensor.shape)}, not {tuple(wanted[key].shape)}"
            raise WeightsError(f"{origin}: tensor '{key}' is {shapes}")
    missing = sorted(wanted.keys() - tensors.keys())
    if missing:
        raise WeightsError(f"{origin}: tensor '{missing[0]}' is missing")


def read_card(name_or_path: str | Path) -> ModelCard:
    """The card alone, from the metadata of the file; no tensor is read."""
    return card_inside(find(name_or_path))


def list_weights(folder: Path | None = None) -> list[ModelCard]:
    """The cards of the shipped weights (or of those in `folder`), in the order of `files`."""
    return [read_card(path) for path in files(folder)]


def files(folder: Path | None = None) -> list[Path]:
    """The shipped weight files (or those in `folder`), by name; then those one folder below."""
    where = SHIPPED if folder is None else folder
    return [*sorted(where.glob("*.safetensors")), *sorted(where.glob("*/*.safetensors"))]


def find(name_or_path: str | Path) -> Path:
    """The file of a shipped name or of a path; raises WeightsError, naming what exists."""
    path = Path(name_or_path)
    if path.suffix == ".safetensors":
        if os.path.isfile(path):  # noqa: PTH113 - False, no error, for a name too long
            return path
        raise WeightsError(f"{path} does not exist")
    shipped = {file.stem: file for file in reversed(files())}
    if str(name_or_path) not in shipped:
        known = ", ".join(file.stem for file in files()) or "none"
        raise WeightsError(f"no weights called '{name_or_path}'; there are: {known}")
    return shipped[str(name_or_path)]


def verify_weights(name_or_path: str | Path, build: Callable[[ModelCard], nn.Module]) -> list[str]:
    """What is wrong with a weight: hash, card, tensors; empty when nothing is."""
    try:
        path = find(name_or_path)
        _, card = load_weights(path, build)
        written = card_beside(path)
    except WeightsError as error:
        return [str(error)]
    beside = path.with_suffix(".json")
    if written is None:
        return [f"{beside.name} is missing or damaged"]
    problems = []
    if written.sha256 != digest(path):
        problems.append(f"{path.name} is not the file that its card was written for")
    if dataclasses.replace(written, sha256="") != card:
        problems.append(f"{beside.name} differs from the card inside the file")
    return problems


@torch.no_grad()
def round_weights(module: nn.Module) -> None:
    """Round the parameters as `save_weights` will, so that figures are those of the file."""
    for parameter in module.parameters():
        parameter.copy_(parameter.half().float())


def history(name_or_path: str | Path) -> tuple[Mapping[str, Any], ...]:
    """`earlier` of a training that goes on from these weights, oldest first."""
    path = find(name_or_path)
    card = card_inside(path)
    own = {
        "name": card.name,
        "sha256": digest(path),
        "steps": card.steps,
        "images": card.images,
        "wall_seconds": card.wall_seconds,
        "cpu_seconds": card.cpu_seconds,
        "commit": card.commit,
        "made": card.made,
        "training": card.training,
    }
    return (*card.earlier, own)
