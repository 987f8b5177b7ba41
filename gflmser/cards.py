"""The card of a weight file: what the weights are and how they came to be, for every method."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from gflmser.card_entries import checked_entries
from gflmser.config import ORACLE_SOURCES
from gflmser.names import clean
from gflmser.schema import dump

Role = Literal["whole", "restorer"]
Precision = Literal["fp16", "int8"]
_SCALE: Final = 4


class WeightsError(ValueError):
    """A weight file or its card cannot be used; the message is one line."""

    def __str__(self) -> str:
        return clean(super().__str__())


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """How weights came to be."""

    data: tuple[Mapping[str, Any], ...] = ()
    """For each prepared dataset: name, hash of its sources, images used and left out."""
    training: Mapping[str, Any] = field(default_factory=dict)
    """The configuration of the training, as it was run; its network is the card's."""
    steps: int = 0
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    """Of all cores together; 0 where nobody counted."""
    earlier: tuple[Mapping[str, Any], ...] = ()
    """The trainings that this one went on from, oldest first.

    Each says steps, images, times, commit and hash, and `differs`: see `earlier_trainings`.
    """
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
class ModelCard(Record):
    """What is known about a weight file, whatever the method."""

    name: str
    method: str
    """Name of the method in the registry, `gflmser` or a rival's."""
    network: Mapping[str, Any]
    """The network's configuration, as plain values."""
    role: Role = "whole"
    """`restorer`: the file holds what restoring needs and no more; a GFLmser's has no H2L."""
    precision: Precision = "fp16"
    """How the file stores parameters; for `int8` see `gflmser.quantised`."""
    scale: int = _SCALE
    origin: str = ""
    """Where imported weights come from: the file's name and hash."""
    sha256: str = ""
    """Of the safetensors file; empty in the copy that the file carries itself."""

    @property
    def source(self) -> str:
        """Where H2L gets its input when L2H restores; empty for methods without skips."""
        return str(self.network.get("source", ""))

    @property
    def oracle(self) -> bool:
        """Whether restoring needs the ground truth, so that no figure of it is a real one."""
        return self.source in ORACLE_SOURCES

    def plain(self) -> dict[str, Any]:
        """The card as JSON has it; `source` and `oracle` are written out for the reader."""
        own = dump(self)
        first = {key: own.pop(key) for key in ("name", "method", "role")}
        return {**first, "oracle": self.oracle, "source": self.source, **own}


def parse_card(values: Mapping[str, Any], path: Path) -> ModelCard:
    """The card in `values`, read from `path`; entries that a card does not have are passed over.

    Raises WeightsError when an entry is missing or not what it should be, or when the stored
    skip source is another than the network's.
    """
    known = {field.name for field in dataclasses.fields(ModelCard)}
    try:
        entries = {key: value for key, value in values.items() if key in known}
        card = ModelCard(**checked_entries(entries))
    except (TypeError, ValueError) as error:
        raise WeightsError(f"{path.name}: the card cannot be read: {error}") from error
    if values.get("source", "") != card.source or values.get("oracle", False) != card.oracle:
        raise WeightsError(f"{path.name}: its skip source is not the one it was trained with")
    return card


def modern(values: Mapping[str, Any], file_format: str) -> dict[str, Any]:
    """The entries of a card of an older format (`gflmser-1`, `sr-rival-1`) under today's names."""
    made = dict(values)
    if file_format == "gflmser-1":
        made.setdefault("method", "gflmser")
    if file_format == "sr-rival-1" and "source" in made:
        made["origin"] = made.pop("source")
    return made
