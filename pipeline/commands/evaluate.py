"""`sr-pipeline evaluate`."""

import json
from pathlib import Path

import click

from data.annotations.registry import format_names
from pipeline.commands import options as opt
from pipeline.commands import output


@click.command(short_help="Score detections against ground truth.")
@click.option(
    "--predictions", required=True, type=opt.FILE, help="detections.csv as `detect` writes it."
)
@click.option(
    "--truth",
    required=True,
    type=opt.ANY_PATH,
    help="CSV, dlib XML, WIDER txt, COCO json, or Pascal VOC (a file or a folder of them).",
)
@click.option(
    "--truth-class",
    "classes",
    multiple=True,
    metavar="NAME",
    help="Class that counts as a face; may be repeated. Boxes on other classes are ignored.",
)
@click.option(
    "--truth-format",
    "format",
    type=click.Choice(format_names()),
    help="Format of --truth; default: from its content.",
)
@opt.seed
@output.as_json
def command(
    predictions: Path,
    truth: Path,
    classes: tuple[str, ...],
    format: str | None,
    seed: int,
    as_json: bool,
) -> None:
    """Score detections.csv against annotated faces: IoU, accuracy, recall and precision by size.

    Images are matched by path, otherwise by file name. Those in one file only are
    listed and left out.

    \b
    Example:
      sr-pipeline detect crowd/images --out found/
      sr-pipeline evaluate --predictions found/detections.csv --truth crowd/annotations
    """
    from pipeline.evaluation.evaluate import evaluate

    found = evaluate(
        predictions, truth, format=format, classes=frozenset(classes) or None, seed=seed
    )
    click.echo(
        json.dumps(found.as_json(), indent=2, allow_nan=False) if as_json else found.as_text()
    )
