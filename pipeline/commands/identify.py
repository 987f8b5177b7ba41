"""`sr-pipeline identify`."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.commands import options as opt
from pipeline.commands import output
from pipeline.commands.types import INPUT

if TYPE_CHECKING:
    from pipeline.engine.journal import Start


@click.command(short_help="Name the faces of pictures from a gallery of known people.")
@click.argument("inputs", nargs=-1, required=True, metavar="PROBE...", type=INPUT)
@click.option("--gallery", type=opt.FOLDER, required=True, help="A folder per person.")
@opt.out
@click.option(
    "--far",
    type=click.Choice(["0.01", "0.001"]),
    default="0.01",
    show_default=True,
    help="Share of comparisons with a stranger's picture that may be accepted.",
)
@opt.search(default_faces="largest")
@opt.compute
@opt.mark
@opt.note
@opt.over_pictures
@opt.start
@output.as_json
def command(
    run: opt.Run,
    gallery: Path,
    out: Path,
    far: str,
    batch_size: int,
    note: str,
    start: Start,
    as_json: bool,
    **settings: Any,  # noqa: ANN401 - the fields of FindFaces that carry an option's name
) -> int:
    """Name the faces of PROBE by the closest person of a gallery.

    A name is accepted only below the threshold that was calibrated for the face's size and the
    upscaler; a size or an upscaler without one gives no verdict. Where a probe lies in a folder
    named like a person of the gallery, the answers are scored. Restored pictures are not evidence
    of identity.

    \b
    Example:
      sr-pipeline identify crops/ --gallery people/ --out named/
    """
    from pipeline.identity.answers import read_answers, score
    from pipeline.identity.as_text import identification_text
    from pipeline.jobs.detect import FindFaces
    from pipeline.jobs.detect_to_folder import find_faces, load_identifier

    identifier = replace(load_identifier(gallery, settings["upscaler"]), far=float(far))
    job = FindFaces(out, batch_size=batch_size, identifier=identifier, **settings)
    done = find_faces(job, run.listing, run.options, start=start, record=opt.record(note))
    answers = list(read_answers(out / "detections.csv", identifier.gallery.people))
    if as_json:
        document = {
            "answers": [asdict(answer) | {"verdict": answer.verdict} for answer in answers],
            "score": asdict(score(answers)),
            "summary": done.summary(job),
        }
        click.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))
    else:
        click.echo(identification_text(answers, done.counts.pictures))
        for image, error in done.errors:
            click.echo(f"error: {image}: {error}")
        click.echo(f"tables and pictures: {out}")
    return output.exit_code(failed=done.result.failed, interrupted=done.result.interrupted)
