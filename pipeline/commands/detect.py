"""`sr-pipeline detect`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.commands import options as opt
from pipeline.commands import output
from pipeline.commands.types import NamedPath
from pipeline.names import AUTO

if TYPE_CHECKING:
    from pipeline.engine.journal import Start


@click.command(short_help="Find faces in low-resolution pictures.")
@opt.inputs
@opt.out
@opt.search(default_faces="all", default_detector=AUTO)
@opt.face_sizes
@click.option(
    "--identify",
    "gallery",
    type=NamedPath(exists=True, file_okay=False, path_type=Path),
    help="Gallery, a folder per person: adds the closest identity.",
)
@opt.compute
@opt.consistent
@opt.compiled
@opt.mark
@opt.note
@opt.over_pictures
@opt.start
@output.as_json
def command(
    run: opt.Run,
    out: Path,
    gallery: Path | None,
    batch_size: int,
    note: str,
    start: Start,
    as_json: bool,
    **settings: Any,  # noqa: ANN401 - the fields of FindFaces that carry an option's name
) -> int:
    """Find faces in INPUT: files, folders, globs, videos, a CSV manifest, or - for stdin.

    By default small faces are searched in frames and crops of any size, cut out and restored.
    With --detector hog or cnn pictures below the size limit are upscaled whole and searched, as in
    the paper. Boxes are in pixels of the pictures given.
    Exit code 0: all done, 1: some pictures failed (listed), 2: usage or nothing to do.

    \b
    Example:
      sr-pipeline detect crops/ --out found/ --upscaler gflmser
    """
    from data.errors import UsageError
    from pipeline.jobs.choose import detect_job
    from pipeline.jobs.detect_to_folder import find_faces, load_identifier

    if gallery and settings["consistent"]:
        raise UsageError("identity thresholds hold without --consistent: leave out one of the two")
    identifier = load_identifier(gallery, settings["upscaler"]) if gallery else None
    job = detect_job(out, batch_size=batch_size, identifier=identifier, **settings)
    done = find_faces(job, run.listing, run.options, start=start, record=opt.record(note))
    summary = done.summary(job)
    click.echo(json.dumps(summary, indent=2, ensure_ascii=False) if as_json else done.as_text())
    return output.exit_code(failed=done.result.failed, interrupted=done.result.interrupted)
