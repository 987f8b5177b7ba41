"""`sr-pipeline degrade`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.commands import options as opt
from pipeline.commands import output

if TYPE_CHECKING:
    from pipeline.engine.journal import Start

CAMERAS = ("chain", "clean", "noise10", "blur1", "jpeg40", "h264", "mixed", "dark")
"""The camera chain and the degraded sets; named here, for --help reads nothing heavy."""


@click.command(short_help="Make HR 64x64 and LR 16x16 images.")
@opt.inputs
@opt.out
@opt.crop
@click.option(
    "--hr",
    type=click.IntRange(4, 4096),
    default=64,
    show_default=True,
    help="Side of the HR image, in pixels.",
)
@click.option(
    "--lr",
    type=click.IntRange(4, 4096),
    default=16,
    show_default=True,
    help="Side of the LR image, in pixels.",
)
@click.option(
    "--camera",
    type=click.Choice(CAMERAS),
    is_flag=False,
    flag_value="chain",
    help="Make LR as this degraded set does; chain: by the random camera chain.",
)
@click.option("--h2l", metavar="NAME|FILE", help="Make LR by the H2L network of these weights.")
@click.option(
    "--draws",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    metavar="K",
    help="How many LR images --h2l draws of each face: lr/, lr-2/, ... lr-K/.",
)
@opt.over_images
@opt.seed
@opt.start
@output.as_json
def command(
    run: opt.Run,
    out: Path,
    crop: float,
    hr: int,
    lr: int,
    camera: str | None,
    h2l: str | None,
    draws: int,
    seed: int,
    start: Start,
    as_json: bool,
) -> int:
    """Degrade INPUT by the CASIA-WebFace protocol: central square -> HR -> LR, Pillow's bicubic.

    Writes OUT/hr/... and OUT/lr/... with the inputs' relative paths, as PNG.

    \b
    Example:
      sr-pipeline degrade data/samples --out degraded/ --crop 0.55
      sr-pipeline degrade data/samples --out jpeg/ --crop 0.55 --camera jpeg40
      sr-pipeline degrade data/samples --out draws/ --h2l runs/h2l/h2l.safetensors --draws 4
    """
    from data.errors import UsageError
    from pipeline.jobs.degrade import Degradation, DegradeImages
    from pipeline.jobs.images_to_folder import make_images

    if lr > hr:
        raise UsageError(f"--lr {lr} is larger than --hr {hr}: nothing would be reduced")
    degradation = Degradation(crop, hr, lr, camera or "", seed)
    job = DegradeImages(out, degradation)
    if h2l is not None:
        from pipeline.jobs.degrade_by_h2l import by_h2l

        job = by_h2l(out, degradation, h2l=h2l, draws=draws)
    elif draws > 1:
        raise UsageError("--draws is for --h2l: the other degradations of a face are one")
    done = make_images(job, run.listing, run.options, start=start)
    click.echo(json.dumps(done.summary, indent=2) if as_json else done.as_text())
    return output.exit_code(failed=done.result.failed, interrupted=done.result.interrupted)
