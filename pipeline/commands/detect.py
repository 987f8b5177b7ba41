"""`sr-pipeline detect`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.commands import options as opt
from pipeline.commands import output
from pipeline.commands.naming import Naming
from pipeline.commands.naming import naming as with_naming
from pipeline.commands.types import NamedPath
from pipeline.names import AUTO

if TYPE_CHECKING:
    from pipeline.engine.journal import Start


@click.command(short_help="Find faces in low-resolution images.")
@opt.inputs
@opt.out
@opt.search(default_faces="all", default_detector=AUTO)
@opt.face_sizes
@click.option(
    "--identify",
    "gallery",
    type=NamedPath(exists=True, file_okay=False, path_type=Path),
    help="Gallery, one folder for each person: adds the closest person.",
)
@with_naming
@opt.tracks
@opt.compute
@opt.consistent
@opt.compiled
@opt.mark
@opt.spread
@opt.note
@opt.over_images
@opt.start
@output.output_format
@output.as_json
def command(
    run: opt.Run,
    out: Path,
    gallery: Path | None,
    naming: Naming,
    batch_size: int,
    note: str,
    start: Start,
    output_format: str,
    as_json: bool,
    **settings: Any,  # noqa: ANN401 - the fields of FindFaces that carry an option's name
) -> int:
    """Find faces in INPUT: files, folders, globs, videos, a CSV manifest, or - for stdin.

    By default CenterFace searches frames and crops for small faces, and each face is restored.
    The paper's chain is --detector hog or cnn: images below the size limit are upscaled whole, then
    searched. Boxes are in pixels of the images given.
    Exit code 0: all done; 1: some images failed (listed); 2: wrong usage, or nothing to do.

    \b
    Example:
      sr-pipeline detect crops/ --out found/ --upscaler gflmser
    """
    from data.errors import UsageError
    from pipeline.jobs.choose import detect_job
    from pipeline.jobs.detect_to_folder import find_faces
    from pipeline.jobs.faces_of_images import images_of

    if gallery and settings["consistent"]:
        raise UsageError("identity thresholds hold without --consistent: leave out one of the two")
    identifier = None
    if gallery:
        identifier = naming.identifier(gallery, settings["upscaler"], quiet=run.options.quiet)
    job = detect_job(out, batch_size=batch_size, identifier=identifier, **settings)
    done = find_faces(job, run.listing, run.options, start=start, record=opt.record(note))
    if as_json:
        images = list(images_of(out / "detections.csv"))
        document = {**done.summary(job), "images": images}
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    elif output_format == "text":
        click.echo(done.as_text())
    else:
        _print_faces(out / "detections.csv", output_format)
    return output.exit_code(failed=done.result.failed, interrupted=done.result.interrupted)


def _print_faces(detections: Path, output_format: str) -> None:
    """The table itself, or an object for each image; nothing else goes to stdout."""
    from pipeline.jobs.faces_of_images import jsonl_of

    if output_format == "jsonl":
        for line in jsonl_of(detections):
            click.echo(line)
        return
    with detections.open(newline="", encoding="utf-8") as file:
        for line in file:
            click.echo(line, nl=False)
