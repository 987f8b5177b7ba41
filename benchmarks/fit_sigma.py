"""Fit the sigma of an upscaler's weights: again for every new file of weights, in minutes.

    python -m benchmarks.fit_sigma gflmser-real --faces ../cache/wild --faces ../cache/align
    python -m benchmarks.fit_sigma gflmser-real --test --results FILE.json

Training faces fit it, lfw-val scales it. With `--test` the figures are of lfw-test, which nothing
was chosen on; else those of lfw-val are printed, which the scales have seen.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
import numpy as np

from benchmarks.image_sets import lfw_split, source_of
from benchmarks.measuring.restored_triples import Degraded, Triple, drawn, of_split, restored
from benchmarks.measuring.sigma_fit import calibrated, fitted
from benchmarks.measuring.sigma_report import Row, report
from data.atomic import write_json
from data.images.rgb import RGB
from pipeline.cli import main as run
from pipeline.environment.provenance import provenance
from pipeline.uncertainty.files import file_of, load_sigma, save_sigma
from pipeline.uncertainty.sigma import Sigma
from pipeline.upscalers.base import Upscaler
from pipeline.upscalers.loading import load_upscaler

VIEWS: Final = ((0.55, 16), (0.87, 16), (0.87, 24), (0.87, 32))
"""Crop of LFW and side of LR: the protocol's, and cuts of two face widths as `detect` makes."""
_FACE: Final = 0.437
"""Width of a face of LFW as a share of the whole image: 7 px of 16 at crop 1.0."""


@click.command()
@click.argument("upscaler")
@click.option("--faces", multiple=True, type=click.Path(exists=True, path_type=Path))
@click.option("--data", type=click.Path(path_type=Path), default=Path("../shared/data"))
@click.option("--count", default=2000, show_default=True, help="Training faces.")
@click.option("--judged", default=400, show_default=True, help="Of them, so many are embedded.")
@click.option("--people", default=60, show_default=True, help="Images of each split of LFW.")
@click.option("--test", is_flag=True, help="Only measure the sigma that is there, on lfw-test.")
@click.option("--results", type=click.Path(path_type=Path), help="JSON of the figures.")
@click.option("--out", type=click.Path(path_type=Path), help="Default: beside the code.")
def main(
    upscaler: str,
    faces: tuple[Path, ...],
    data: Path,
    count: int,
    judged: int,
    people: int,
    test: bool,
    results: Path | None,
    out: Path | None,
) -> None:
    """Fit and scale the sigma of UPSCALER, write its file, print its figures."""
    network = load_upscaler(upscaler, device="cpu", threads=1)
    split = "lfw-test" if test else "lfw-val"
    if not test and not faces:
        raise click.UsageError("--faces: prepared sets of training faces are needed")
    views = seen(data, split, people, network)
    sigma = load_sigma(upscaler)
    if not test:
        sigma = fitted(_restored(drawn(faces, count, seed=5), network, "training"), judged)
        own = [(triple, view.face_px) for view in views for triple in view.triples]
        sigma = calibrated(sigma, [triple for triple, _ in own], [width for _, width in own])
        origin = {"command": shlex.join(sys.argv[1:]), "faces": count, "provenance": provenance()}
        save_sigma(sigma, upscaler, origin, out or file_of(upscaler))
    if sigma is None:
        raise click.UsageError(f"no sigma was fitted to these weights of {upscaler}")
    rows = [row for view in views for row in view.rows(sigma)]
    for row in rows:
        click.echo("  ".join(_cell(name, value) for name, value in row.items()))
    if results is not None:
        words = shlex.join(sys.argv[1:])
        notes = {"upscaler": upscaler, "split": split, "people": people, "command": words}
        write_json(results, {"rows": rows, **notes, "provenance": provenance()})


@dataclass(frozen=True, slots=True)
class View:
    """Faces of a split by every degraded set, seen in one way."""

    crop: float
    side: int
    triples: list[Triple]

    @property
    def face_px(self) -> float:
        """Width of the faces in LR pixels."""
        return _FACE * self.side / self.crop

    def rows(self, sigma: Sigma) -> list[Row]:
        """The figures of each set; of the protocol's view those of the embeddings too."""
        judged = (self.crop, self.side) == VIEWS[0]
        rows = report(sigma, self.triples, [self.face_px] * len(self.triples), judged=judged)
        return [{"crop": self.crop, "side": self.side, **row} for row in rows]


def seen(data: Path, split: str, people: int, network: Upscaler) -> list[View]:
    """One image each of `people` of a split, restored, in each view; half as many of large ones."""
    listed = lfw_split(data, split).shuffled(0, one_of_each=True).first(people).images
    images = [_square(source_of(one).load()) for one in listed]
    views = []
    for crop, side in VIEWS:
        most = people if side < 24 else people // 2
        made = of_split(images, most, crop=crop, side=side, seed=7)
        views.append(View(crop, side, _restored(made, network, f"{split}, {crop:g}, {side} px")))
    return views


def _cell(name: str, value: float | str) -> str:
    return f"{name} {value:.3f}" if isinstance(value, float) else f"{value}"


def _square(rgb: RGB) -> RGB:
    side = min(rgb.shape[:2])
    top, left = (rgb.shape[0] - side) // 2, (rgb.shape[1] - side) // 2
    return np.ascontiguousarray(rgb[top : top + side, left : left + side])


def _restored(faces: Sequence[Degraded], network: Upscaler, what: str) -> list[Triple]:
    click.echo(f"{what}: {len(faces)} faces", err=True)
    return restored(faces, network)


if __name__ == "__main__":
    run(main)
