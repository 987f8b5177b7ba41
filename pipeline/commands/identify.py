"""`sr-pipeline identify`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.commands import options as opt
from pipeline.commands import output
from pipeline.commands.naming import Naming
from pipeline.commands.naming import naming as with_naming
from pipeline.commands.types import INPUT
from pipeline.names import AUTO

if TYPE_CHECKING:
    from pipeline.engine.journal import Start


@click.command(short_help="Name the faces of images from a gallery of known people.")
@click.argument("inputs", nargs=-1, required=True, metavar="PROBE...", type=INPUT)
@click.option(
    "--gallery", type=opt.FOLDER, required=True, help="Folder of known people, one folder for each."
)
@opt.out
@with_naming
@opt.tracks
@opt.search(default_faces="largest", default_detector=AUTO)
@opt.face_sizes
@opt.compute
@opt.mark
@opt.spread
@opt.note
@opt.over_images
@opt.start
@output.as_json
def command(
    run: opt.Run,
    gallery: Path,
    out: Path,
    naming: Naming,
    batch_size: int,
    note: str,
    start: Start,
    as_json: bool,
    **settings: Any,  # noqa: ANN401 - the fields of FindFaces that carry an option's name
) -> int:
    """Name the faces of PROBE by the closest person of a gallery, or say why not.

    A name needs a measured rule for this gallery size, face width, degradation, number of frames
    and upscaler. Both thresholds of the rule must be met. Otherwise the reason is printed: too
    small, too degraded, too unlike anyone, too close to another, too few frames, gallery image too
    poor, or not calibrated.

    A name is a lead to be checked, never a finding. --fpir sets how many strangers get a name: 1
    in 100 by default. The closest strangers seen were mostly East Asian or Black people; rates by
    group are unknown. Restored images are not evidence of identity.

    Answers are scored where a probe lies in a folder named after a person of the gallery, or where
    the column `identity` of a manifest names one.

    \b
    Example:
      sr-pipeline identify crops/ --gallery people/ --out named/
    """
    from pipeline.identity.answers import read_answers, score
    from pipeline.identity.as_text import identification_text
    from pipeline.jobs.choose import detect_job
    from pipeline.jobs.detect_to_folder import find_faces

    identifier = naming.identifier(gallery, settings["upscaler"], quiet=run.options.quiet)
    job = detect_job(out, batch_size=batch_size, identifier=identifier, **settings)
    done = find_faces(job, run.listing, run.options, start=start, record=opt.record(note))
    table = "tracks.csv" if job.tracks else "detections.csv"
    answers = list(read_answers(out / table, identifier.gallery.people, run.listing.identities()))
    if as_json:
        document = {
            "answers": [asdict(answer) | {"verdict": answer.verdict} for answer in answers],
            "score": asdict(score(answers)),
            "summary": done.summary(job),
        }
        click.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))
    else:
        click.echo(identification_text(answers, done.counts.images))
        for image, error in done.errors:
            click.echo(f"error: {image}: {error}")
        click.echo(f"tables and images: {out}")
    return output.exit_code(failed=done.result.failed, interrupted=done.result.interrupted)
