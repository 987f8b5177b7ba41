"""The methods of the tables: everything that can be loaded now, and what it is known by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.published import RIVALS
from data.errors import UsageError
from pipeline.jobs.compare import Method, comparable
from pipeline.upscalers.ensemble import ENSEMBLE
from pipeline.upscalers.interpolation import INTERPOLATORS
from pipeline.upscalers.loading import network_of, upscaler_names

if TYPE_CHECKING:
    from gflmser.cards import ModelCard

_GENERAL: Final = frozenset({"bsds200", "div2k"})
_GATES: Final = {"none": "no skip", "add": "no gating", "correlation": "full"}


@dataclass(frozen=True, slots=True)
class Entrant:
    """One method of the tables."""

    method: Method
    fingerprint: str
    """SHA-256 of its weights; for interpolation its name."""
    family: str = ""
    """Its row in the paper; see `benchmarks.published`."""
    trained_on: str = "–"
    """faces, general, or a dash for what is not trained."""
    variant: bool = False
    """Whether it is a GFLmser, so that Table 2 sets it against the others."""
    budget: Mapping[str, float] = field(default_factory=dict)
    """What its training cost: `images_seen`, `minutes` of wall time, and `cpu_minutes` if counted.

    Empty if it was not trained by our loop.
    """

    @property
    def name(self) -> str:
        """How the tables call it."""
        return self.method.name


def find_entrants(names: Sequence[str] | None = None) -> tuple[Entrant, ...]:
    """The methods called so, or all that are there.

    Raises ModelError for an unknown one, UsageError where two would have one name in the tables.
    """
    asked = dict.fromkeys(names or upscaler_names())
    found: dict[str, Entrant] = {}
    for name in asked:
        entrant = _entrant(name)
        other = found.setdefault(entrant.name, entrant)
        if other is not entrant:
            both = f"{other.method.upscaler} and {name}"
            raise UsageError(f"two methods are called {entrant.name!r} by their cards: {both}")
    return tuple(found.values())


def absent_rivals(entrants: Sequence[Entrant]) -> str:
    """Say which rivals of the paper have no row; empty where all have."""
    absent = [name for name in RIVALS if name not in {e.family for e in entrants}]
    return f"Not asked for, or without weights, so no row: {', '.join(absent)}." if absent else ""


def _entrant(name: str) -> Entrant:
    if name in INTERPOLATORS:
        return Entrant(Method(name, name, oracle=False), name, name if name == "bicubic" else "")
    if (network := network_of(name)) != name:
        return _averaged(_entrant(network), name)
    return _trained(name) or _other(name)


def _averaged(network: Entrant, name: str) -> Entrant:
    """The mean with the mirror image; no variant of its own for table 2."""
    method = replace(network.method, name=network.name + ENSEMBLE, upscaler=name)
    fingerprint = network.fingerprint + ENSEMBLE
    return replace(network, method=method, fingerprint=fingerprint, variant=False)


def _trained(name: str) -> Entrant | None:
    """What our own training made, GFLmser or rival; None for anything else."""
    from gflmser.cards import WeightsError
    from gflmser.weight_files import digest
    from gflmser.weights import find, read_card

    try:
        path, card = find(name), read_card(name)
    except WeightsError:
        return None
    shown = card.name if "oracle" in card.name or not card.oracle else f"{card.name}-oracle"
    return Entrant(
        Method(shown, name, card.oracle),
        digest(path),
        _family(card),
        _trained_on(card.data),
        variant=card.method == "gflmser",
        budget=_budget(card),
    )


def _family(card: ModelCard) -> str:
    """Its row in the paper; none for SRResNet, which is SRGAN trained without its judge."""
    if card.method == "gflmser":
        return _GATES.get(str(card.network.get("gate")), "")
    phases = card.training.get("training", {}).get("phases", ())
    alone = phases and not any("judge" in phase["trains"] for phase in phases)
    return "" if card.method == "srgan" and alone else card.method


def _other(name: str) -> Entrant:
    from gflmser.weight_files import digest

    upscaler = comparable(name, "auto", "fp32", 1)
    path = Path(name)
    fingerprint = digest(path) if path.is_file() else name
    return Entrant(Method(upscaler.name, name, upscaler.oracle), fingerprint, "", "not said")


def _budget(card: ModelCard) -> dict[str, float]:
    """Empty for weights that were not trained by our loop."""
    if not card.images_seen:
        return {}
    known = {"images_seen": card.images_seen, "minutes": card.total_wall_seconds / 60}
    # 0: the training is older than the counting
    counted = card.total_cpu_seconds / 60
    return known | ({"cpu_minutes": counted} if counted else {})


def _trained_on(data: Sequence[Any]) -> str:
    """By the names of the prepared sets on the card."""
    names = {str(one.get("name", "")) for one in data}
    if not names:
        return "not said"
    return "general" if names <= _GENERAL else "faces" if not names & _GENERAL else "both"
