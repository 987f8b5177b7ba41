"""Recall and precision of `detect` on images with annotated faces, with and without upscaling.

Example:

    python -m benchmarks.tools.detection_recall --data ../shared/data --work out/detection \\
        --out benchmarks/results/detection
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from data.atomic import write_json, write_text
from pipeline.cli import main as run
from pipeline.engine.journal import Start
from pipeline.engine.run import RunOptions, default_workers
from pipeline.environment.provenance import provenance
from pipeline.evaluation.evaluate import evaluate
from pipeline.inputs.sources import Listing
from pipeline.jobs.detect import FindFaces
from pipeline.jobs.detect_to_folder import find_faces


@dataclass(frozen=True, slots=True)
class AnnotatedSet:
    """Images below `images` and their boxes in `truth`, both relative to the data folder."""

    name: str
    images: str
    truth: str
    classes: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Variant:
    """A way to search: an upscaler for every image, or none, and the passes of HOG."""

    name: str
    upscaler: str | None
    passes: int


SETS: Final = (
    AnnotatedSet("dlib_faces", "dlib_faces", "dlib_faces/training.xml"),
    AnnotatedSet(
        "crowd_voc", "crowd_voc/images", "crowd_voc/annotations", frozenset({"without_mask"})
    ),
)
_EVERY_IMAGE: Final = 1_000_000


def variants(upscalers: tuple[str, ...]) -> tuple[Variant, ...]:
    """No upscaling with 0 to 2 passes, and each upscaler, whose x4 stands for two passes."""
    plain = tuple(Variant(f"none, {passes} passes", None, passes) for passes in range(3))
    return plain + tuple(Variant(f"{name} x4, 0 passes", name, 0) for name in upscalers)


def measure(data: Path, out: Path, annotated: AnnotatedSet, variant: Variant) -> dict[str, Any]:
    """Run `detect` and `evaluate` for one set and variant."""
    folder = out / annotated.name / variant.name.replace(", ", "-").replace(" ", "-")
    job = FindFaces(
        folder,
        upscaler=variant.upscaler or "bicubic",
        upscale_below=_EVERY_IMAGE if variant.upscaler else 0,
        passes=variant.passes,
        images=False,
    )
    listing = Listing((str(data / annotated.images),))
    done = find_faces(job, listing, RunOptions(default_workers()), start=Start(resume=True))
    found = evaluate(
        folder / "detections.csv", data / annotated.truth, classes=annotated.classes, seed=0
    )
    scores = found.as_json()
    return {
        "set": annotated.name,
        "variant": variant.name,
        "seconds": round(done.result.seconds, 1),
        "counts": scores["counts"],
        "rows": scores["rows"],
    }


def as_markdown(results: list[dict[str, Any]]) -> str:
    """One line for each set, face size and variant."""
    figures = "recall, IoU 0.3 | recall, IoU 0.5 | precision, IoU 0.3 | precision, IoU 0.5"
    lines = [f"| set | face px | faces | variant | {figures} |"]
    lines.append("| --- | --- | --: | --- | --: | --: | --: | --: |")
    for annotated in SETS:
        mine = [result for result in results if result["set"] == annotated.name]
        for size in dict.fromkeys(row["size"] for result in mine for row in result["rows"]):
            lines += (_line(result, size) for result in mine)
    return "\n".join(lines) + "\n"


def _line(result: dict[str, Any], size: str) -> str:
    loose, strict = (
        next(row for row in result["rows"] if (row["size"], row["iou"]) == (size, threshold))
        for threshold in (0.3, 0.5)
    )
    cells = [result["set"], size, strict["faces"], result["variant"]]
    cells += [_cell(row, name) for name in ("recall", "precision") for row in (loose, strict)]
    return f"| {' | '.join(map(str, cells))} |"


def _cell(row: dict[str, Any], figure: str) -> str:
    if row[figure] is None:
        return ""
    return f"{row[figure]:.2f} [{row[f'{figure}_lo']:.2f}, {row[f'{figure}_hi']:.2f}]"


def results_of(data: Path, out: Path, upscalers: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Measure every set with every variant."""
    for annotated in SETS:
        for variant in variants(upscalers):
            click.echo(f"{annotated.name}: {variant.name}", err=True)
            yield measure(data, out, annotated, variant)


@click.command()
@click.option("--data", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--work", type=click.Path(path_type=Path), required=True, help="For detections.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help=".json and .md stem.")
@click.option("--upscalers", default="bicubic", show_default=True, help="Separated by commas.")
def main(data: Path, work: Path, out: Path, upscalers: str) -> None:
    """Measure detection with and without upscaling; goes on where it was interrupted."""
    results = list(results_of(data, work, tuple(upscalers.split(","))))
    made = provenance()
    write_json(out.with_suffix(".json"), {"results": results, "provenance": made})
    versions = json.dumps(made["libraries"])
    note = f"Made by `{made['command']}` at commit {made['commit']}; HOG, {versions}."
    write_text(out.with_suffix(".md"), f"{note}\n\n{as_markdown(results)}")
    click.echo(as_markdown(results))


if __name__ == "__main__":
    run(main)
