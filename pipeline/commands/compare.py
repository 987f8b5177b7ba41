"""`sr-pipeline compare`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.commands import options as opt
from pipeline.commands import output
from pipeline.names import DetectorName, Precision

if TYPE_CHECKING:
    from pipeline.engine.journal import Start


@click.command(short_help="Compare upscalers over one set.")
@opt.inputs
@opt.out
@click.option(
    "--upscalers",
    default="bicubic,gflmser",
    show_default=True,
    metavar="NAME,NAME,...",
    help="Names or weight files, separated by commas.",
)
@click.option(
    "--truth",
    type=opt.ANY_PATH,
    help="Annotated faces; default: the faces that the detector finds on HR.",
)
@click.option(
    "--pairs",
    "pairs_file",
    type=opt.FILE,
    help="CSV with columns a, b, same: pairs of images for identity verification.",
)
@opt.embedder
@opt.crop
@opt.detector(default_passes="2")
@opt.compute
@opt.over_images
@opt.seed
@opt.start
@output.as_json
def command(
    run: opt.Run,
    out: Path,
    upscalers: str,
    truth: Path | None,
    pairs_file: Path | None,
    embedder: str,
    crop: float,
    detector: DetectorName,
    passes: int | None,
    min_score: float | None,
    yunet_model: Path | None,
    device: str,
    precision: Precision,
    batch_size: int,
    seed: int,
    start: Start,
    as_json: bool,
) -> int:
    """Degrade INPUT to 16x16, restore it by each upscaler, and measure which faces are found again.

    Writes table.csv/.json/.md/.tex, contact_sheet.png, plots/ and report.html into OUT.

    \b
    Example:
      sr-pipeline compare data/samples --out compared/ --upscalers bicubic,gflmser
    """
    from data.annotations.annotations import read_truth
    from pipeline.engine.journal import record_files
    from pipeline.environment.messages import tell
    from pipeline.evaluation.pairs import Pairs
    from pipeline.jobs.compare import Compare
    from pipeline.jobs.compare_to_folder import compare, find_methods
    from pipeline.jobs.degrade import Degradation
    from pipeline.report.write import write_report

    pairs = Pairs.read(pairs_file) if pairs_file else None
    job = Compare(
        out,
        find_methods(upscalers, device, precision, batch_size),
        Degradation(crop, seed=seed),
        detector,
        passes,
        min_score,
        yunet_model,
        device,
        precision,
        batch_size,
        truth=read_truth(truth) if truth else None,
        truth_file=truth,
        embedded=pairs.keys() if pairs else frozenset(),
        pairs_file=pairs_file,
        embedder=embedder,
    )
    done = compare(job, run.listing, run.options, pairs=pairs, seed=seed, start=start)
    tell("writing tables, plots and report.html", quiet=run.options.quiet)
    record_files(out, write_report(out))
    for line in done.errors:
        tell(f"error: {line}")
    text = (out / "table.md").read_text(encoding="utf-8")
    click.echo(json.dumps(done.summary, indent=2) if as_json else f"{text}\n{done.where()}")
    return output.exit_code(failed=done.result.failed, interrupted=done.result.interrupted)
