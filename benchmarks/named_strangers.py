"""How many strangers `identify` names, and how many known people, on people never chosen on.

Example:

    python -m benchmarks.named_strangers --data ../shared/data --out benchmarks/results/strangers
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import click

from benchmarks.image_sets import lfw_split
from benchmarks.measuring.named_strangers import (
    FRAMES,
    OPTICS,
    Counts,
    Drawn,
    answers_of,
    counted,
    drawn,
    share_text,
)
from data.atomic import write_json, write_text
from data.prepared import DatasetImage
from gflmser.camera.sets import SETS
from pipeline.cli import main as run
from pipeline.environment.progress import progress_bar
from pipeline.environment.provenance import provenance
from pipeline.identity.calibration_run import fingerprints
from pipeline.identity.gallery import Gallery

_KINDS: Final = (*SETS, *OPTICS)
_HEAD: Final = (
    *("LR", "images", "strangers named", "of", "right names", "wrong names", "of"),
    *("rank-1", "not found", "why there was no name"),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table: a set, the gallery's draw, and what became of its probes."""

    kind: str
    draw: int
    frames: int
    strangers: Counts
    known: Counts
    reasons: dict[str, int]


def lines_of(
    plan: Drawn, gallery: Gallery, kinds: Sequence[str], upscaler: str, draw: int
) -> Iterator[Line]:
    """The rows of one gallery: each set with one image, the clean one with four, too."""
    nobody = Counts(0, 0, 0, 0, 0)
    for kind in kinds:
        known, reasons = _asked([[one] for one in plan.known], kind, gallery, upscaler, draw)
        strangers, _ = _asked([[one] for one in plan.strangers], kind, gallery, upscaler, draw)
        yield Line(kind, draw, 1, strangers, known, reasons)
    if "clean" in kinds and plan.several:
        known, reasons = _asked(plan.several, "clean", gallery, upscaler, draw)
        yield Line("clean", draw, FRAMES, nobody, known, reasons)


def _asked(
    probes: Sequence[Sequence[DatasetImage]],
    kind: str,
    gallery: Gallery,
    upscaler: str,
    draw: int,
) -> tuple[Counts, dict[str, int]]:
    with tempfile.TemporaryDirectory() as folder:
        answers, truth = answers_of(
            probes, kind, gallery, Path(folder), upscaler=upscaler, seed=draw
        )
    if any(len(images) > 1 for images in probes):  # one answer a track, under its best frame
        shown = {answer.image for answer in answers}
        truth = {key: person for key, person in truth.items() if key in shown}
    reasons = Counter(answer.reason or "named" for answer in answers if answer.image in truth)
    return counted(answers, truth, gallery.people), dict(reasons.most_common())


def as_markdown(lines: Sequence[Line]) -> str:
    """The table: draws of one set are added up, shares have Wilson's 95 % interval."""
    rows = [f"| {' | '.join(_HEAD)} |", f"| --- |{' --: |' * (len(_HEAD) - 2)} --- |"]
    for kind, frames in dict.fromkeys((line.kind, line.frames) for line in lines):
        alike = [line for line in lines if (line.kind, line.frames) == (kind, frames)]
        known, strangers = (
            {key: sum(getattr(getattr(line, side), key) for line in alike) for key in _FIELDS}
            for side in ("known", "strangers")
        )
        why: Counter[str] = Counter()
        for line in alike:
            why.update(line.reasons)
        del why["named"]
        cells = [
            *(kind, frames),
            *(share_text(strangers["wrong"], strangers["probes"]), strangers["probes"]),
            share_text(known["right"], known["probes"]),
            share_text(known["wrong"], known["probes"]),
            *(known["probes"], share_text(known["rank_1"], known["probes"])),
            known["probes"] - known["found"] + strangers["probes"] - strangers["found"],
            ", ".join(f"{reason} {count}" for reason, count in why.most_common()) or "–",
        ]
        rows.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(rows) + "\n"


_FIELDS: Final = tuple(Counts.__dataclass_fields__)


@click.command()
@click.option("--data", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, help=".json and .md stem.")
@click.option("--split", default="lfw-test", show_default=True)
@click.option("--sets", default=",".join(_KINDS), show_default=True)
@click.option("--people", default=100, show_default=True, help="People of the gallery.")
@click.option("--strangers", default=300, show_default=True)
@click.option("--draws", default=1, show_default=True, help="Galleries that are drawn.")
@click.option("--upscaler", default="gflmser", show_default=True)
def main(
    data: Path,
    out: Path,
    split: str,
    sets: str,
    people: int,
    strangers: int,
    draws: int,
    upscaler: str,
) -> None:
    """Ask `identify` about people of a gallery and about strangers."""
    images = lfw_split(data, split)
    lines: list[Line] = []
    kinds = sets.split(",")
    with progress_bar(draws * len(kinds), unit="set", quiet=False) as bar:
        for draw in range(draws):
            plan = drawn(images, people=people, strangers=strangers, seed=15 + draw)
            with tempfile.TemporaryDirectory() as folder:
                for image in plan.gallery:
                    home = Path(folder) / str(image.identity)
                    home.mkdir()
                    (home / "a.jpg").write_bytes(image.read())
                gallery = Gallery.from_folder(folder)
            for line in lines_of(plan, gallery, kinds, upscaler, draw):
                lines.append(line)
                bar.update(line.frames == 1)
    made = provenance()
    prints = asdict(fingerprints(upscaler))
    content = {"lines": [asdict(line) for line in lines], "tied to": prints, "provenance": made}
    write_json(out.with_suffix(".json"), content)
    text = (
        f"# Strangers and known people through `identify`\n\n{split}; galleries of {people} people"
    )
    text += f" with one image each, {draws} drawn; {upscaler}, rate 1 %. Shares with Wilson's 95 %"
    text += f" interval. Rules are tied to {json.dumps(prints)}. Made by `{made['command']}` at"
    text += (
        f" commit {made['commit']}.\n\n{as_markdown(lines)}\nA name is a lead to be checked, never"
    )
    text += " a finding. Restored images are not evidence of identity.\n"
    write_text(out.with_suffix(".md"), text)
    click.echo(text)


if __name__ == "__main__":
    run(main)
