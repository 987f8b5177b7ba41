"""What fusing the frames of a track is worth, on simulated tracks of people of lfw-val.

Example:

    python -m benchmarks.fused_tracks --data ../shared/data --out benchmarks/results/fused
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click
import numpy as np
from PIL import Image

from benchmarks.image_sets import lfw_split
from benchmarks.measuring.fused_tracks import COUNTS, FILMS, VERSION, Film, of_person
from data.atomic import write_text
from pipeline.cli import main as run
from pipeline.environment.provenance import provenance
from pipeline.identity.embedding import load_embedder
from pipeline.identity.identifier import upscaler_digest
from pipeline.metrics.intervals import bootstrap_interval
from pipeline.upscalers.loading import load_upscaler

_HEAD: Final = (
    *("set", "upscaler", "frames", "went in", "PSNR, dB", "gain over the last frame, dB"),
    *("gain over the best frame, dB", "distance to HR", "less the last frame's"),
    "less the mean embedding's",
)

_ABOUT: Final = """# Fused tracks

What it is worth to merge the frames of a track before they are restored. {people} people of
lfw-val, one image each; the centre of the image (0.55) on 16x16 pixels; eight frames in which the
face moves by parts of a pixel. `h264`: noise of 3 levels, H.264 at QP 34. `noise 10`: noise of 10
levels, not coded. Gains are paired, with 95 % intervals of a bootstrap over people.

- **gain over the last frame**: fused less the newest frame alone.
- **gain over the best frame**: fused less the single frame of the highest PSNR. Nobody can know
  which that is: behind H.264 it is mostly the first frame, which is coded alone.
- **less the mean embedding's**: distance to HR of the fused image, less that of the mean of the
  frames' embeddings, by which `identify` names. Above 0 the mean embedding is nearer.
"""


def measure(data: Path, people: int, upscaler: str, film: Film) -> Iterator[dict[str, float]]:
    """One row for each of `people` people of lfw-val, one image each, in seeded order."""
    images = lfw_split(data, "lfw-val").shuffled(0, one_of_each=True).first(people)
    network = load_upscaler(upscaler, device="cpu", threads=1)
    embedder = load_embedder()
    for number, image in enumerate(images.images):
        with Image.open(data / "lfw" / image.key) as opened:
            hr = opened.convert("RGB")
        yield of_person(hr, film, network, embedder, (VERSION, number))


def line_of(film: str, upscaler: str, rows: list[dict[str, float]], frames: int) -> dict[str, Any]:
    """Means of one line of the table; gains are paired, each with a 95 % interval over people."""

    def column(name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.array([row[name] for row in rows])

    psnr, distance = column(f"psnr_{frames}"), column(f"distance_{frames}")
    return {
        "set": film,
        "upscaler": upscaler,
        "frames": frames,
        "used": float(column(f"used_{frames}").mean()),
        "psnr": float(psnr.mean()),
        "gain": _interval(psnr - column("psnr_1")),
        "over_best": _interval(psnr - column(f"best_{frames}")),
        "distance": float(distance.mean()),
        "nearer": _interval(distance - column("distance_1")),
        "than_mean": _interval(distance - column(f"mean_{frames}")),
    }


def _rounded(row: dict[str, float]) -> dict[str, float]:
    return {key: round(value, 4) for key, value in row.items()}


def _interval(values: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[float, float, float]:
    found = bootstrap_interval(values, seed=0)
    return float(values.mean()), found.lo, found.hi


def as_markdown(lines: list[dict[str, Any]]) -> str:
    """The table; a gain whose interval holds 0 is a tie."""
    rows = [f"| {' | '.join(_HEAD)} |", f"| --- | --- {'| --: ' * (len(_HEAD) - 2)}|"]
    for line in lines:
        cells = [line["set"], line["upscaler"], line["frames"], f"{line['used']:.1f}"]
        cells += [f"{line['psnr']:.2f}", _cell(line["gain"], 2), _cell(line["over_best"], 2)]
        cells += [f"{line['distance']:.3f}", _cell(line["nearer"], 3), _cell(line["than_mean"], 3)]
        rows.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(rows) + "\n"


def _cell(figure: tuple[float, float, float], digits: int) -> str:
    mean, lo, hi = (f"{value:+.{digits}f}" for value in figure)
    return f"{mean} [{lo}, {hi}]"


@click.command()
@click.option("--data", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, help=".json and .md stem.")
@click.option("--people", default=60, show_default=True)
@click.option("--upscalers", default="gflmser,gflmser-real", show_default=True)
def main(data: Path, out: Path, people: int, upscalers: str) -> None:
    """Measure single frames against fused ones."""
    lines, rows = [], []
    names = upscalers.split(",")
    for name in names:
        for film in FILMS:
            found = list(measure(data, people, name, film))
            rows += [{"set": film.name, "upscaler": name, **_rounded(row)} for row in found]
            lines += [line_of(film.name, name, found, frames) for frames in COUNTS]
            click.echo(as_markdown(lines[-len(COUNTS) :]), err=True)
    made = provenance()
    hashes = {name: (upscaler_digest(name) or "")[:16] for name in names}
    content = {"lines": lines, "rows": rows, "weights": hashes, "provenance": made}
    # One line: 480 rows of figures that nobody reads by eye.
    write_text(out.with_suffix(".json"), json.dumps(content, separators=(",", ":")) + "\n")
    written = ", ".join(f"{name} `{sha256}`" for name, sha256 in hashes.items())
    text = (
        f"{_ABOUT.format(people=people)}\nMade by `{made['command']}` at commit `{made['commit']}`."
    )
    text += f" Weights (SHA-256): {written}.\n\n{as_markdown(lines)}"
    write_text(out.with_suffix(".md"), text)


if __name__ == "__main__":
    run(main)
