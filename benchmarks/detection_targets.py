"""What the shipped `detect` finds of real small faces: crops, tight crops and whole frames.

The command itself is run, with its own thresholds. Example:

    python -m benchmarks.detection_targets --data ../shared/data --work out/targets \\
        --out benchmarks/results/detection_targets
"""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click
import numpy as np

from benchmarks.measuring.real_sets import (
    Scenes,
    face_crops,
    faceless_crops,
    faceless_frames,
    real_sets,
)
from data.atomic import write_json, write_text
from data.boxes import Box, iou
from data.images.files import load_rgb, save_png
from data.images.rgb import RGB
from pipeline.environment.provenance import provenance
from pipeline.metrics.intervals import wilson

_COMMAND: Final = (sys.executable, "-c", "from pipeline.cli import main; main()")
_CROP: Final = (10, 32)
_CROPS: Final = 250
"""Faces of each set."""
_FACELESS: Final = 2400
_TIGHT: Final = ((15, 22), (48, 66))
"""Least and largest width and height of a face cut at its box."""
_EVERY: Final = 0.02
"""A score so low that the rate of each candidate is told."""

Truth = Mapping[str, Sequence[Box]]
Found = Mapping[str, Sequence[tuple[Box, float]]]
"""By image: boxes, and the rate of false boxes that each score stands for."""


def detect(folder: Path, out: Path, *more: str) -> Found:
    """Run `sr-pipeline detect` on a folder; raises CalledProcessError where it fails."""
    words = ["detect", str(folder), "--out", str(out), "--overwrite", "--no-images", "--quiet"]
    subprocess.run([*_COMMAND, *words, "--upscaler", "bicubic", *more], check=True)
    found: dict[str, list[tuple[Box, float]]] = {}
    with (out / "detections.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["left"]:
                box = Box(*(float(row[edge]) for edge in ("left", "top", "right", "bottom")))
                found.setdefault(Path(row["image"]).name, []).append((box, float(row["fp_rate"])))
    return found


def hits(found: Found, truth: Truth, least_iou: float, rate: float = 1.0) -> tuple[int, int]:
    """How many of the true boxes have a box of their own at that rate, and how many there are."""
    seen = total = 0
    for name, boxes in truth.items():
        left = [box for box, own in found.get(name, ()) if own <= rate]
        for true in boxes:
            total += 1
            best = max(left, key=lambda box: iou(box, true), default=None)
            if best is not None and iou(best, true) >= least_iou:
                left.remove(best)
                seen += 1
    return seen, total


def crops(sets: Sequence[Scenes], folder: Path) -> Truth:
    """Write squares of 2.3 face widths around faces of 10-32 px."""
    truth: dict[str, Sequence[Box]] = {}
    for one in sets:
        wide = (c for c in face_crops(one, None, 0) if _CROP[0] <= c.face_px < _CROP[1])
        for number, crop in zip(range(_CROPS), wide, strict=False):
            name = f"{one.name.split()[0]}-{number:03d}.png"
            save_png(folder / name, crop.rgb)
            truth[name] = [crop.box]
    return truth


def tight_crops(sets: Sequence[Scenes], folder: Path) -> Truth:
    """Write faces cut at their box, from 15x22 to 48x66 px."""
    truth: dict[str, Sequence[Box]] = {}
    for one in sets:
        for path, box in _shuffled(one):
            own = _inside(load_rgb(path), box)
            height, width = own.shape[:2]
            sizes = zip((width, height), *_TIGHT, strict=True)
            if all(low <= side <= high for side, low, high in sizes):
                name = f"{one.name.split()[0]}-{len(truth):03d}.png"
                save_png(folder / name, own)
                truth[name] = [Box(0, 0, width, height)]
    return truth


def _shuffled(scenes: Scenes) -> Iterator[tuple[Path, Box]]:
    every = [(path, box) for path, boxes in scenes.faces.items() for box in boxes]
    return (every[index] for index in np.random.default_rng(0).permutation(len(every))[:_CROPS])


def _inside(rgb: RGB, box: Box) -> RGB:
    left, top = max(0, round(box.left)), max(0, round(box.top))
    return np.ascontiguousarray(rgb[top : round(box.bottom), left : round(box.right)])


def frames(scenes: Scenes, least: float, most: float) -> Truth:
    """Faces of these widths of each frame."""
    return {
        path.name: [box for box in boxes if least <= box.width <= most]
        for path, boxes in scenes.faces.items()
    }


def measure(data: Path, work: Path) -> list[dict[str, Any]]:
    """Every target as a row: what was asked of how many, and how many `detect` found."""
    sets = [one for one in real_sets(data) if one.name != "mask_crowds"]
    rows = []
    truth = crops(sets, work / "crops")
    for number, one in enumerate(faceless_crops(data, sets, _FACELESS, 0)):
        save_png(work / "faceless" / f"{number:04d}.png", one.rgb)
    found = detect(work / "crops", work / "crops-found", "--min-score", str(_EVERY))
    false = detect(work / "faceless", work / "faceless-found", "--min-score", str(_EVERY))
    for rate in (0.01, 0.05):
        wrong = sum(any(own <= rate for _, own in boxes) for boxes in false.values())
        rows.append(_row(f"crops, {rate:.0%}", *hits(found, truth, 0.3, rate), wrong, _FACELESS))
    truth = tight_crops(sets, work / "tight")
    found = detect(work / "tight", work / "tight-found")
    rows.append(_row("tight crops", *hits(found, truth, 0.3)))
    crowd = sets[0]
    found = detect(next(iter(crowd.faces)).parent, work / "frames-found")
    wrong = 0
    plain = faceless_frames(data)
    for folder in dict.fromkeys(path.parent for path in plain):
        boxes = detect(folder, work / f"{folder.name}-found")
        wrong += sum(len(boxes.get(path.name, ())) for path in plain if path.parent == folder)
    rows.append(
        _row("frames", *hits(found, frames(crowd, 10, 48), 0.35), wrong, len(plain)),
    )
    return rows


def _row(
    what: str, seen: int, total: int, wrong: int | None = None, faceless: int | None = None
) -> dict[str, Any]:
    ends = wilson(seen, total)
    return {
        "what": what,
        "found": seen,
        "faces": total,
        "share": seen / total if total else None,
        "lo": ends.lo,
        "hi": ends.hi,
        "false": wrong,
        "faceless": faceless,
    }


def as_markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """One line for each target."""
    lines = ["| what | faces | found | share | false | faceless |"]
    lines.append("| --- | --: | --: | --: | --: | --: |")
    for row in rows:
        share = f"{row['share']:.3f} [{row['lo']:.3f}, {row['hi']:.3f}]"
        cells = (row["what"], row["faces"], row["found"], share)
        cells = (
            *cells,
            *("" if row[name] is None else row[name] for name in ("false", "faceless")),
        )
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines) + "\n"


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Folder of the sets.")
@click.option("--work", type=click.Path(path_type=Path), required=True, help="Scratch folder.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Without suffix.")
def main(data: Path, work: Path, out: Path) -> None:
    """Measure the targets and write OUT.json and OUT.md."""
    rows = measure(data, work)
    write_json(out.with_suffix(".json"), {"provenance": provenance(), "rows": rows})
    write_text(out.with_suffix(".md"), as_markdown(rows))
    click.echo(as_markdown(rows))


if __name__ == "__main__":
    main()
