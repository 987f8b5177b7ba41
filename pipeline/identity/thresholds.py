"""When a name may be given: measured rules, and nothing where nothing was measured.

A rule holds for one upscaler, face width, degradation, number of frames and gallery size. It is
tied to the hashes of the upscaler's weights, the embedder and the cohort. `sr-pipeline calibrate
identity` measures rules and writes the table; the shipped one lies beside this file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final

from data.errors import ModelError
from data.regular_files import read_text

__all__ = ["SHIPPED", "Fingerprints", "Found", "Provenance", "Rule", "Table", "load_table"]

SHIPPED: Final[Path] = Path(__file__).with_name("thresholds.json")
FPIRS: Final[tuple[float, ...]] = (0.01, 0.05)
_THEN: Final = " && "
"""Between the commands that measured different widths."""
LEAST_PRECISION: Final = 3.0
"""Names are given only where right ones were at least so many times as frequent as `--fpir`."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One measured rule: a name is given from these two thresholds on."""

    upscaler: str
    face_px: float
    """Mean width of the faces in pixels of the image before it was enlarged."""
    degradation: str
    """A bucket of `quality.measure`."""
    frames: int
    people: int
    """Size of the gallery."""
    fpir: float
    """Share of strangers that the rule was made to name at most."""
    similarity: float
    """Least standing of the closest person (`normalise.standings`)."""
    margin: float
    """Least difference to the second person."""
    strangers: int
    """People who were not in the gallery, on whom it rests."""
    tpir: float
    """Share of the gallery's people who got their name, on the same data."""
    wrong: float
    """Share of the gallery's people who got another's name."""


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """What a rule is tied to; None where there is no weight file (interpolation)."""

    upscaler: str | None
    embedder: str
    cohort: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the rules of an upscaler come from."""

    data: str
    command: str
    commit: str | None
    date: str
    fingerprints: Fingerprints

    def stands_beside(self, other: Provenance) -> bool:
        """Whether rules of both can stand in one table: the same networks, the same images."""
        return (self.data, self.fingerprints) == (other.data, other.fingerprints)


@dataclass(frozen=True, slots=True)
class Found:
    """A rule, or why there is none: `reason` is short, `note` says more."""

    rule: Rule | None
    reason: str = ""
    note: str = ""


@dataclass(frozen=True)
class Table:
    """Measured rules and their provenance, per upscaler."""

    rules: tuple[Rule, ...]
    provenance: Mapping[str, Provenance] = field(default_factory=dict)

    def find(
        self,
        upscaler: str,
        fingerprints: Fingerprints,
        *,
        face_px: float,
        degradation: str,
        frames: int = 1,
        people: int,
        fpir: float = 0.01,
    ) -> Found:
        """Return the rule for a face `face_px` wide, or the reason to abstain.

        Between measured widths thresholds are read off a line over the width's logarithm. Between
        numbers of frames and gallery sizes the stricter neighbour holds. The largest width and
        number of frames hold above. Nothing holds below the smallest width or above the largest
        gallery.
        """
        source = self.provenance.get(upscaler)
        if source is None:
            return Found(None, "not calibrated", f"not calibrated for {upscaler}")
        if source.fingerprints != fingerprints:
            what = _difference(source.fingerprints, fingerprints, upscaler)
            return Found(None, "not calibrated", what)
        rules = [r for r in self.rules if r.upscaler == upscaler and r.fpir == fpir]
        if not rules:
            return Found(None, "not calibrated", f"not calibrated for a rate of {fpir:g}")
        alike = [rule for rule in rules if rule.degradation == degradation]
        smallest = min(rule.face_px for rule in alike or rules)
        if not face_px >= 0.9 * smallest:
            note = f"{face_px:.1f} px wide, the smallest measured is {smallest:.1f}"
            return Found(None, "too small", note)
        if max(rule.people for rule in rules) < people:
            return Found(None, "not calibrated", f"not calibrated for a gallery of {people} people")
        if max((rule.people for rule in alike), default=0) < people:
            return Found(None, "too degraded", f"not calibrated for {degradation} faces")
        near = _neighbours(_neighbours(alike, "people", people), "frames", frames)
        near = _between_widths(near, max(face_px, smallest))
        weakest = min(near, key=lambda rule: rule.tpir)
        if weakest.tpir < LEAST_PRECISION * fpir:
            note = f"of {degradation} faces of this size {weakest.tpir:.1%} get their name"
            return Found(None, "too degraded", note)
        return Found(_strictest(near))

    def updated(self, upscaler: str, rules: Sequence[Rule], origin: Provenance) -> Table:
        """This table with `rules` of `upscaler` in place of those of the same widths.

        Rules of its other widths stay if the same networks and images stand behind them.
        """
        old = self.provenance.get(upscaler)
        widths = {rule.face_px for rule in rules}
        stays = old is not None and old.stands_beside(origin)
        if old is not None and stays:
            commands = dict.fromkeys((*old.command.split(_THEN), origin.command))
            origin = replace(origin, command=_THEN.join(commands))
        kept = [
            rule
            for rule in self.rules
            if rule.upscaler != upscaler or (stays and rule.face_px not in widths)
        ]
        return Table((*kept, *rules), {**self.provenance, upscaler: origin})

    def as_json(self) -> str:
        """The file's text; `load_table` reads it back equal."""
        names = list(Rule.__dataclass_fields__)
        document = {
            "provenance": {name: asdict(p) for name, p in sorted(self.provenance.items())},
            "columns": names,
            "rules": [list(asdict(rule).values()) for rule in self.rules],
        }
        head = json.dumps({k: document[k] for k in ("provenance", "columns")}, indent=1)
        rows = ",\n  ".join(json.dumps(row, allow_nan=False) for row in document["rules"])
        return f'{head[:-2]},\n "rules": [\n  {rows}\n ]\n}}\n'


def load_table(path: Path = SHIPPED) -> Table:
    """Read a table; raises `ModelError` on one line when it is missing or broken."""
    try:
        document = json.loads(read_text(path))
        columns = document["columns"]
        return Table(
            tuple(Rule(**dict(zip(columns, row, strict=True))) for row in document["rules"]),
            {name: _provenance(values) for name, values in document["provenance"].items()},
        )
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"{path}: not a table of identity thresholds: {reason}") from error


def _provenance(values: Mapping[str, object]) -> Provenance:
    prints = values["fingerprints"]
    if not isinstance(prints, dict):
        raise TypeError("fingerprints is not an object")
    return Provenance(**{**values, "fingerprints": Fingerprints(**prints)})  # type: ignore[arg-type]


def _difference(measured: Fingerprints, own: Fingerprints, upscaler: str) -> str:
    if measured.embedder != own.embedder:
        return f"not calibrated for this embedder ({own.embedder}): `calibrate identity` does it"
    return f"calibrated for other weights of {upscaler}"


def _neighbours(rules: Sequence[Rule], key: str, value: float) -> list[Rule]:
    """Rules of the nearest measured values on both sides of `value`."""
    known = {float(getattr(rule, key)) for rule in rules}
    below = max((one for one in known if one <= value), default=None)
    above = min((one for one in known if one >= value), default=None)
    near = {one for one in (below, above) if one is not None}
    return [rule for rule in rules if float(getattr(rule, key)) in near]


def _between_widths(rules: Sequence[Rule], face_px: float) -> list[Rule]:
    """One rule at `face_px` for each number of frames and gallery size of `rules`."""
    alike: dict[tuple[int, int], list[Rule]] = {}
    for rule in rules:
        alike.setdefault((rule.frames, rule.people), []).append(rule)
    return [_at_width(_neighbours(own, "face_px", face_px), face_px) for own in alike.values()]


def _at_width(neighbours: Sequence[Rule], face_px: float) -> Rule:
    """The rule on the line through that of the width below and that of the width above."""
    first = min(neighbours, key=lambda rule: rule.face_px)
    last = max(neighbours, key=lambda rule: rule.face_px)
    if first.face_px == last.face_px:
        return first
    share = math.log(face_px / first.face_px) / math.log(last.face_px / first.face_px)
    return replace(
        first,
        face_px=face_px,
        similarity=first.similarity + share * (last.similarity - first.similarity),
        margin=max(first.margin, last.margin),
        tpir=first.tpir + share * (last.tpir - first.tpir),
        wrong=max(first.wrong, last.wrong),
        strangers=min(first.strangers, last.strangers),
    )


def _strictest(rules: Sequence[Rule]) -> Rule:
    first = max(rules, key=lambda rule: rule.similarity)
    margin = max(rule.margin for rule in rules)
    return replace(first, margin=margin)
