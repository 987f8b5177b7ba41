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


@click.command(short_help="Make HR 64x64 and LR 16x16 pictures.")
@opt.inputs
@opt.out
@opt.crop
@click.option(
    "--hr", type=click.IntRange(4, 4096), default=64, show_default=True, help="Side of HR."
)
@click.option(
    "--lr", type=click.IntRange(4, 4096), default=16, show_default=True, help="Side of LR."
)
@click.option(
    "--camera",
    type=click.Choice(CAMERAS),
    is_flag=False,
    flag_value="chain",
    help="LR by a degraded set; without a name, by the random camera chain.",
)
@opt.over_pictures
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
    seed: int,
    start: Start,
    as_json: bool,
) -> int:
    """Degrade INPUT by the CASIA-WebFace protocol: middle square -> HR -> LR, Pillow's bicubic.

    Writes OUT/hr/... and OUT/lr/... with the inputs' relative paths, as PNG.

    \b
    Example:
      sr-pipeline degrade data/samples --out degraded/ --crop 0.55
      sr-pipeline degrade data/samples --out jpeg/ --crop 0.55 --camera jpeg40
    """
    from data.errors import UsageError
    from pipeline.jobs.degrade import Degradation, DegradePictures
    from pipeline.jobs.images_to_folder import make_pictures

    if lr > hr:
        raise UsageError(f"--lr {lr} is larger than --hr {hr}: nothing would be reduced")
    job = DegradePictures(out, Degradation(crop, hr, lr, camera or "", seed))
    done = make_pictures(job, run.listing, run.options, start=start)
    click.echo(json.dumps(done.summary, indent=2) if as_json else done.as_text())
    return output.exit_code(failed=done.result.failed, interrupted=done.result.interrupted)
