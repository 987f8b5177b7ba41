"""Weights on disk: a safetensors file and a JSON card of the same name, checked when they are read.

The file carries the card in its metadata, so that it can be used alone; the card beside it is for
people and adds the SHA-256 of the file. Tensors are stored as float16, which moves no pixel by more
than one grey level and halves the size; networks are always built in float32 first.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from gflmser.card_entries import checked_entries
from gflmser.config import NetworkConfig, SkipSource
from gflmser.network import SCALE, GFLmser
from gflmser.schema import ConfigError, dump, parse

SHIPPED: Final = Path(__file__).resolve().parent.parent / "data" / "weights"
"""Where the weights of the repository are."""

_FORMAT: Final = "gflmser-1"


class WeightsError(ValueError):
    """A weight file or its card cannot be used; the message is one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """How weights came to be: what the card of any method says beside name and network."""

    data: tuple[Mapping[str, Any], ...] = ()
    """For each prepared dataset: name, hash of its sources, pictures used and left out."""
    training: Mapping[str, Any] = field(default_factory=dict)
    """The configuration of the training, as it was run."""
    steps: int = 0
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    """Of all cores together; 0 where nobody counted."""
    earlier: tuple[Mapping[str, Any], ...] = ()
    """The trainings that this one went on from, oldest first: steps, batch, times, commit, hash."""
    commit: str = ""
    made: str = ""
    """When the training ended, ISO 8601."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Figures on the validation split, `<figure>_lo` and `_hi` being the 95 % interval."""
    limits: tuple[str, ...] = ()
    """What the weights must not be used for, and where they are known to fail."""

    def entries(self) -> dict[str, Any]:
        """The fields by name, to make a card of."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(Record)}

    @property
    def total_steps(self) -> int:
        """Of this training and of those before it."""
        return self.steps + sum(int(one["steps"]) for one in self.earlier)

    @property
    def images(self) -> int:
        """Training samples of this training alone."""
        return self.steps * int(self.training.get("training", {}).get("batch", 0))

    @property
    def images_seen(self) -> int:
        """Training samples of this training and of those before it."""
        return self.images + sum(int(one["images"]) for one in self.earlier)

    @property
    def total_wall_seconds(self) -> float:
        """Of this training and of those before it."""
        return self.wall_seconds + sum(float(one["wall_seconds"]) for one in self.earlier)

    @property
    def total_cpu_seconds(self) -> float:
        """Of all cores, of this training and of those before it; 0 where nobody counted."""
        return self.cpu_seconds + sum(float(one["cpu_seconds"]) for one in self.earlier)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card(Record):
    """What is known about a weight file of a GFLmser."""

    name: str
    network: NetworkConfig
    scale: int = SCALE
    sha256: str = ""
    """Of the safetensors file; empty in the copy that the file carries itself."""

    @property
    def oracle(self) -> bool:
        """Whether restoring needs the ground truth, so that no figure of it is a real one."""
        return self.network.oracle

    @property
    def source(self) -> SkipSource:
        """Where H2L gets its input when L2H restores."""
        return self.network.source


def save_weights(model: GFLmser, card: Card, folder: Path) -> Path:
    """Write `NAME.safetensors` and `NAME.json` into `folder`; the path of the former.

    Raises WeightsError when the card describes another network, or an oracle has a name that does
    not say so.
    """
    if card.network != model.config:
        raise WeightsError(f"the card of '{card.name}' describes another network")
    if card.oracle and "oracle" not in card.name:
        raise WeightsError(f"'{card.name}' needs the ground truth: its name must say 'oracle'")
    tensors = {key: t.half().contiguous() for key, t in model.state_dict().items()}
    return store(folder, tensors, _FORMAT, _plain(card))


def store(
    folder: Path, tensors: dict[str, Tensor], file_format: str, card: Mapping[str, Any]
) -> Path:
    """Write tensors with their card inside, and the card with the file's hash beside them.

    The path of the safetensors file, which is called as the card says.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{card['name']}.safetensors"
    partial = path.with_suffix(".partial")
    inner = json.dumps({**card, "sha256": ""})
    # By bytes: save_file leaves a file that its owner alone may read.
    partial.write_bytes(save(tensors, {"format": file_format, "card": inner}))
    whole = {**card, "sha256": digest(partial)}
    partial.replace(path)
    path.with_suffix(".json").write_text(json.dumps(whole, indent=2) + "\n", "utf-8")
    return path


def stored_card(
    metadata: Mapping[str, str] | None, path: Path, *, file_format: str, kind: str
) -> dict[str, Any]:
    """The card that `store` put into the metadata of the file at `path`, as plain values.

    Raises WeightsError when the file is not one of a `kind`, or its card is damaged.
    """
    if not metadata or metadata.get("format") != file_format:
        raise WeightsError(f"{path.name} is a safetensors file, but not of a {kind}")
    try:
        card = json.loads(metadata.get("card", ""))
    except RecursionError:
        raise WeightsError(f"{path.name}: the card inside is nested too deeply") from None
    except ValueError as error:
        raise WeightsError(f"{path.name}: the card inside is not JSON: {error}") from error
    if not isinstance(card, dict):
        raise WeightsError(f"{path.name}: the card inside is no JSON object")
    return card


def load_weights(name_or_path: str | Path) -> tuple[GFLmser, Card]:
    """The network in float32, in evaluation mode, and its card.

    Takes the name of a shipped weight or the path of a safetensors file. Raises WeightsError when
    there is none, when it is not ours, or when tensors and card disagree.
    """
    path = find(name_or_path)
    card, tensors = _read(path)
    model = GFLmser(card.network)
    expected = model.state_dict()
    for key, tensor in tensors.items():
        if key not in expected or expected[key].shape != tensor.shape:
            raise WeightsError(f"{path.name}: tensor '{key}' is not part of the network it names")
    missing = sorted(set(expected) - set(tensors))
    if missing:
        raise WeightsError(f"{path.name}: tensor '{missing[0]}' is missing")
    model.load_state_dict({key: tensor.float() for key, tensor in tensors.items()})
    return model.eval(), card


def read_card(name_or_path: str | Path) -> Card:
    """The card alone, from the metadata of the file; no tensor is read."""
    path = find(name_or_path)
    try:
        with safe_open(path, "pt") as file:
            return _card(file.metadata(), path)
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path.name} is not a safetensors file: {error}") from error


def history(name_or_path: str | Path) -> tuple[Mapping[str, Any], ...]:
    """`earlier` of a training that goes on from these weights, oldest first."""
    card = read_card(name_or_path)
    own = {
        "name": card.name,
        "sha256": digest(find(name_or_path)),
        "steps": card.steps,
        "images": card.images,
        "wall_seconds": card.wall_seconds,
        "cpu_seconds": card.cpu_seconds,
        "commit": card.commit,
        "made": card.made,
        "training": card.training,
    }
    return (*card.earlier, own)


def list_weights(folder: Path | None = None) -> list[Card]:
    """The cards of the shipped weights (or of those in `folder`), by name."""
    where = SHIPPED if folder is None else folder
    return [read_card(path) for path in sorted(where.glob("*.safetensors"))]


def verify_weights(name_or_path: str | Path) -> list[str]:
    """What is wrong with a weight: hash, card, tensors; empty when nothing is."""
    try:
        path = find(name_or_path)
        _, card = load_weights(path)
        beside = path.with_suffix(".json")
        if not beside.is_file():
            return [f"{beside.name} is missing"]
        written = _parse(json.loads(beside.read_text("utf-8")), beside)
    except (OSError, ValueError) as error:
        return [str(error)]
    problems = []
    if written.sha256 != digest(path):
        problems.append(f"{path.name} is not the file that its card was written for")
    if dataclasses.replace(written, sha256="") != card:
        problems.append(f"{beside.name} differs from the card inside the file")
    return problems


def find(name_or_path: str | Path) -> Path:
    """The file of a shipped name or of a path; raises WeightsError, naming what exists."""
    path = Path(name_or_path)
    if path.suffix == ".safetensors":
        if path.is_file():
            return path
        raise WeightsError(f"{path} does not exist")
    shipped = SHIPPED / f"{name_or_path}.safetensors"
    if not shipped.is_file():
        known = ", ".join(p.stem for p in sorted(SHIPPED.glob("*.safetensors"))) or "none"
        raise WeightsError(f"no weights called '{name_or_path}'; there are: {known}")
    return shipped


def _read(path: Path) -> tuple[Card, dict[str, Tensor]]:
    try:
        with safe_open(path, "pt") as file:
            card = _card(file.metadata(), path)
            return card, {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path.name} is not a safetensors file: {error}") from error


def _card(metadata: Mapping[str, str] | None, path: Path) -> Card:
    return _parse(stored_card(metadata, path, file_format=_FORMAT, kind="GFLmser"), path)


def _parse(values: Mapping[str, Any], path: Path) -> Card:
    """The stored scale, oracle and source are checked against the network that is described."""
    fields = {f.name for f in dataclasses.fields(Card)}
    try:
        network = parse(NetworkConfig, values["network"])
        rest = {k: v for k, v in values.items() if k in fields and k != "network"}
        card = Card(network=network, **checked_entries(rest))
    except (ConfigError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path.name}: the card cannot be read: {error}") from error
    if values.get("source") != card.source or values.get("oracle") != card.oracle:
        raise WeightsError(f"{path.name}: its skip source is not the one it was trained with")
    return card


def _plain(card: Card) -> dict[str, Any]:
    return {"name": card.name, **dump(card), "oracle": card.oracle, "source": card.source}


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def half(model: GFLmser) -> None:
    """Round the weights as `save_weights` will, so that figures are those of the file."""
    with torch.no_grad():
        for tensor in model.state_dict().values():
            tensor.copy_(tensor.half().float())
