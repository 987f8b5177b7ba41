"""`sr-pipeline upscale`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.commands import options as opt
from pipeline.commands import output
from pipeline.names import Precision

if TYPE_CHECKING:
    from pipeline.engine.journal import Start


@click.command(short_help="Upscale images with any upscaler.")
@opt.inputs
@opt.out
@click.option(
    "--upscaler", required=True, help="Name or weight file; NAME+ averages with the mirror image."
)
@opt.compute
@opt.consistent
@opt.compiled
@opt.mark
@opt.spread
@opt.note
@opt.over_images
@opt.start
@output.as_json
def command(
    run: opt.Run,
    out: Path,
    upscaler: str,
    device: str,
    precision: Precision,
    batch_size: int,
    consistent: bool,
    compiled: bool,
    mark: bool,
    spread: bool,
    note: str,
    start: Start,
    as_json: bool,
) -> int:
    """Upscale every image of INPUT and write it as PNG under its relative path.

    \b
    Example:
      sr-pipeline upscale crops/ --out restored/ --upscaler gflmser
    """
    from pipeline.jobs.images_to_folder import make_images
    from pipeline.jobs.upscale import UpscaleImages

    job = UpscaleImages(
        out, upscaler, device, precision, batch_size, consistent, compiled, mark, spread
    )
    done = make_images(job, run.listing, run.options, start=start, record=opt.record(note))
    click.echo(json.dumps(done.summary, indent=2) if as_json else done.as_text())
    return output.exit_code(failed=done.result.failed, interrupted=done.result.interrupted)
