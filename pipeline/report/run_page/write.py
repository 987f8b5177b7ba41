"""Writes the page of a run: facts of all faces first, their images in groups read on demand."""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from data.atomic import write_text
from pipeline.environment.provenance import NOTICE
from pipeline.identity.as_text import FALSE_NAMES
from pipeline.report.run_page.facts import STATES, facts_of
from pipeline.report.run_page.folder import Row, RunFolder, read_run
from pipeline.report.run_page.hint import what_to_try
from pipeline.report.run_page.images import CardImages, sheet_uri

FILE_CARDS: Final = 2_000
"""Cards in one file; a longer run goes on in report-2.html and so on."""
_GROUP_CARDS: Final = 100
_FILTERED: Final = frozenset({*("image", "name", "state", "dori", "px", "score", "look", "spread")})
"""Facts that cards are filtered by; see `_others`."""
_ERRORS_SHOWN: Final = 100
_TITLES: Final = {
    "detect": "Faces found",
    "identify": "Faces and names",
    "upscale": "Restored images",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One file of the report and the cards that it shows."""

    name: str
    first: int
    rows: Sequence[Row]

    @property
    def last(self) -> int:
        """Number of its last card, counted from one over all files."""
        return self.first + len(self.rows) - 1


@dataclass(frozen=True, slots=True)
class Tile:
    """A headline figure."""

    value: str
    label: str


def write_run_page(directory: Path, *, file_cards: int = FILE_CARDS) -> list[Path]:
    """Write report.html of a folder that `detect`, `identify` or `upscale` wrote; return it.

    Above `file_cards` cards there are several files, linked with each other. Each holds its images
    and asks nothing of the network. Images come from the folder, and from the input files where
    evidence.json names them and they are still there; what is missing is left out.

    Raises `UsageError` when the folder holds no table, `OutputError` when it cannot be written.
    """
    run = read_run(directory)
    parts = _parts(run.rows, file_cards)
    images = CardImages(run)
    written = []
    for part in parts:
        write_text(directory / part.name, _page(run, part, parts, images))
        written.append(directory / part.name)
    _remove_later_parts(directory, len(parts))
    return written


def _parts(rows: Sequence[Row], file_cards: int) -> list[Part]:
    starts = range(0, max(1, len(rows)), file_cards)
    names = ["report.html", *(f"report-{number}.html" for number in range(2, len(starts) + 1))]
    return [
        Part(name, start + 1, rows[start : start + file_cards])
        for name, start in zip(names, starts, strict=True)
    ]


def _remove_later_parts(directory: Path, count: int) -> None:
    """Files that an earlier, longer report left would show faces of another run."""
    for file in directory.glob("report-*.html"):
        number = file.stem.removeprefix("report-")
        if number.isdigit() and int(number) > count:
            file.unlink()


def _page(run: RunFolder, part: Part, parts: Sequence[Part], images: CardImages) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("pipeline.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, script = (environment.get_template(f"run.{kind}").render() for kind in ("css", "js"))
    facts = [facts_of(row, has_faces=run.has_faces) for row in part.rows]
    groups = list(_groups(part.rows, facts, images))
    return environment.get_template("run.html").render(
        title=_TITLES[run.command],
        command=run.command,
        notice=f"{FALSE_NAMES} {NOTICE}" if run.command == "identify" else NOTICE,
        note=str(run.evidence.get("note") or ""),
        interrupted=bool(run.summary.get("interrupted")),
        hint=_hint(run),
        tiles=_tiles(run),
        sheet=sheet_uri(run.file("tracks.png")) if part.first == 1 else None,
        part=part,
        parts=parts,
        total=len(run.rows),
        states=STATES,
        left_out=_left_out(run),
        errors=[(r["image"], r["error"]) for r in run.rows if r.get("error")][:_ERRORS_SHOWN],
        settings=list(_flat(run.summary.get("settings"))),
        origin=list(_flat(run.summary.get("provenance"))),
        facts=_script_json(facts),
        others=_script_json(_others(run, part, parts)),
        groups=groups,
        group_cards=_GROUP_CARDS,
        style=style,
        script=script,
        style_hash=_csp_hash(style),
        script_hash=_csp_hash(script),
    )


def _others(run: RunFolder, part: Part, parts: Sequence[Part]) -> list[dict[str, object]]:
    """What the filters need of the cards in the other files, so that each can say what fits there.

    LR consistency is known only where images are read: the other files are not counted by it.
    """
    return [
        {
            "name": other.name,
            "facts": [
                {name: value for name, value in fact.items() if name in _FILTERED}
                for fact in (facts_of(row, has_faces=run.has_faces) for row in other.rows)
            ],
        }
        for other in parts
        if other is not part
    ]


def _groups(
    rows: Sequence[Row], facts: Sequence[dict[str, object]], images: CardImages
) -> Iterator[str]:
    """The images of a hundred cards each, as JSON; moves the LR consistency into the facts."""
    for start in range(0, len(rows), _GROUP_CARDS):
        cards: list[dict[str, object]] = []
        frames: dict[str, str | None] = {}
        for row, fact in zip(
            rows[start : start + _GROUP_CARDS], facts[start : start + _GROUP_CARDS], strict=True
        ):
            found = images.of(row)
            if (consistency := found.pop("lr", None)) is not None:
                fact.setdefault("lr", consistency)
            if (key := row.get("image", "")) not in frames:
                frames[key] = images.frame(row)
            cards.append(found)
        kept = {key: frame for key, frame in frames.items() if frame}
        yield _script_json({"cards": cards, "frames": kept})


def _script_json(value: object) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _csp_hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _hint(run: RunFolder) -> str:
    """What to try when nothing was upscaled and faces are missing."""
    if not run.has_faces or not run.rows:
        return ""
    empty = {row["image"] for row in run.rows if facts_of(row, has_faces=True)["state"] == "none"}
    upscaled = any(row.get("upscaler") not in (None, "", "none") for row in run.rows)
    settings = run.summary.get("settings")
    return what_to_try(
        settings if isinstance(settings, Mapping) else {},
        images=len({row.get("image") for row in run.rows}),
        without=len(empty),
        upscaled=int(upscaled),
    )


def _left_out(run: RunFolder) -> list[tuple[str, str]]:
    """Videos of which frames were left out, and how many were searched."""
    found = run.summary.get("frames_left_out")
    return [(str(k), str(v)) for k, v in found.items()] if isinstance(found, Mapping) else []


def _tiles(run: RunFolder) -> list[Tile]:
    states = Counter(str(facts_of(r, has_faces=run.has_faces)["state"]) for r in run.rows)
    images = len({row.get("image") for row in run.rows})
    tiles = [Tile(f"{images:,}", "images")]
    if run.has_faces:
        faces = states["named"] + states["abstained"] + states["found"]
        tiles.append(Tile(f"{faces:,}", "faces"))
    if run.command == "identify":
        tiles.append(Tile(f"{states['named']:,}", "named"))
        tiles.append(Tile(f"{states['abstained']:,}", "no name given"))
    if run.has_faces:
        tiles.append(Tile(f"{states['none']:,}", "images without a face"))
    if states["dropped"]:
        tiles.append(Tile(f"{states['dropped']:,}", "dropped candidates"))
    tiles.append(Tile(f"{states['error']:,}", "errors"))
    return tiles


def _flat(values: object, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Settings as pairs of words; what is not set is left out."""
    for key, value in values.items() if isinstance(values, Mapping) else ():
        name = f"{prefix}{key}".replace("_", " ")
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}: ")
        elif value not in (None, ""):
            yield name, _words(value)


def _words(value: Any) -> str:  # noqa: ANN401 - whatever JSON holds
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)
