"""The file format of weights: tensors and their card in a safetensors file, the card beside it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from gflmser.card_text import card_text
from gflmser.cards import ModelCard, WeightsError, modern, parse_card
from gflmser.quantised import QuantisationError, quantise, restored

FORMATS: Final = ("sr-weights-1", "gflmser-1", "sr-rival-1")
"""What a file may say that it is: today's format first, then the older ones that are still read."""


def store(tensors: dict[str, Tensor], card: ModelCard, folder: Path) -> Path:
    """Write tensors with their card, and the card with the file's hash beside them.

    Tensors are stored as they are, or at 8 bits where the card's precision is `int8`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{card.name}.safetensors"
    partial = path.with_suffix(".partial")
    plain = dataclasses.replace(card, sha256="").plain()
    if card.precision == "int8":
        tensors = quantise(tensors)
    # By bytes: save_file leaves a file that its owner alone may read.
    partial.write_bytes(save(tensors, {"format": FORMATS[0], "card": json.dumps(plain)}))
    plain["sha256"] = digest(partial)
    partial.replace(path)
    path.with_suffix(".json").write_text(card_text(plain) + "\n", "utf-8")
    return path


def read_weights(path: Path) -> tuple[ModelCard, dict[str, Tensor]]:
    """Card and tensors of a file; those stored at 8 bits in float32.

    Raises WeightsError when the file is not ours or its scales are damaged.
    """
    with _opened(path) as file:
        card = _inner_card(file.metadata(), path)
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    try:
        return card, restored(tensors) if card.precision == "int8" else tensors
    except QuantisationError as error:
        raise WeightsError(f"{path.name}: {error}") from error


def card_inside(path: Path) -> ModelCard:
    """The card in the metadata of a file; no tensor is read. WeightsError when it is not ours."""
    with _opened(path) as file:
        return _inner_card(file.metadata(), path)


def card_beside(path: Path) -> ModelCard | None:
    """The card in `NAME.json` beside the file; None when it is missing or no JSON object."""
    beside = path.with_suffix(".json")
    with _opened(path) as file:
        file_format = str((file.metadata() or {}).get("format"))
    try:
        values = json.loads(beside.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return parse_card(modern(values, file_format), beside) if isinstance(values, dict) else None


def is_weights(path: Path) -> bool:
    """Whether the file says that it is ours, whatever its method; never raises."""
    if path.suffix != ".safetensors":
        return False
    try:
        with safe_open(path, "np") as file:
            return (file.metadata() or {}).get("format") in FORMATS
    except (SafetensorError, OSError):
        return False


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with safe_open(path, "pt") as file:
            yield file
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path.name} is not a safetensors file: {error}") from error


def _inner_card(metadata: Mapping[str, str] | None, path: Path) -> ModelCard:
    file_format = (metadata or {}).get("format")
    if not metadata or file_format not in FORMATS:
        raise WeightsError(f"{path.name} is a safetensors file, but not one of our weights")
    try:
        values = json.loads(metadata.get("card", ""))
    except RecursionError:
        raise WeightsError(f"{path.name}: the card inside is nested too deeply") from None
    except ValueError as error:
        raise WeightsError(f"{path.name}: the card inside is not JSON: {error}") from error
    if not isinstance(values, dict):
        raise WeightsError(f"{path.name}: the card inside is no JSON object")
    return parse_card(modern(values, str(file_format)), path)
