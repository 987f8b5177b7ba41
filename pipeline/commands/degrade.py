"""`sr-pipeline degrade`."""

import json
from pathlib import Path

import click

from pipeline.commands import options as opt
from pipeline.commands import output


@click.command(short_help="Make HR 64x64 and LR 16x16 pictures.")
@opt.inputs
@opt.out
@opt.crop
@click.option("--hr", type=click.IntRange(4), default=64, show_default=True, help="Side of HR.")
@click.option("--lr", type=click.IntRange(4), default=16, show_default=True, help="Side of LR.")
@click.option("--camera", is_flag=True, help="LR as a cheap camera makes it: blur, noise, JPEG.")
@opt.over_pictures
@opt.seed
@opt.resume
@output.as_json
def command(
    run: opt.Run,
    out: Path,
    crop: float,
    hr: int,
    lr: int,
    camera: bool,
    seed: int,
    resume: bool,
    as_json: bool,
) -> int:
    """Degrade INPUT by the CASIA-WebFace protocol: middle square -> HR -> LR, Pillow's bicubic.

    Writes OUT/hr/... and OUT/lr/... with the inputs' relative paths, as PNG.

    \b
    Example:
      sr-pipeline degrade data/samples --out degraded/ --crop 0.55
    """
    from pipeline.jobs.degrade import Degradation, DegradePictures
    from pipeline.jobs.images_to_folder import make_pictures

    job = DegradePictures(out, Degradation(crop, hr, lr, camera, seed))
    done = make_pictures(job, run.listing, run.options, resume=resume)
    click.echo(json.dumps(done.summary, indent=2) if as_json else done.as_text())
    return output.exit_code(failed=done.result.failed, interrupted=done.result.interrupted)
