"""`sr-pipeline compare`."""

import json
from pathlib import Path

import click

from pipeline.commands import ending
from pipeline.commands import options as opt
from pipeline.detect import DetectorName
from pipeline.upscalers.protocol import Precision


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
@click.option("--truth", type=opt.ANY_PATH, help="Annotations; default: the faces found on HR.")
@click.option("--pairs", "pairs_file", type=opt.FILE, help="CSV a,b,same: identity verification.")
@opt.crop
@opt.detector(default_passes="2")
@opt.compute
@opt.over_pictures
@opt.seed
@opt.resume
@ending.as_json
def command(
    run: opt.Run,
    out: Path,
    upscalers: str,
    truth: Path | None,
    pairs_file: Path | None,
    crop: float,
    detector: DetectorName,
    passes: int | None,
    min_score: float | None,
    yunet_model: Path | None,
    device: str,
    precision: Precision,
    batch_size: int,
    seed: int,
    resume: bool,
    as_json: bool,
) -> int:
    """Degrade INPUT to 16x16, restore it with every upscaler, and measure what is found again.

    Writes table.csv/.json/.md/.tex, contact_sheet.png, plots/ and report.html into OUT.

    \b
    Example:
      sr-pipeline compare data/samples --out compared/ --upscalers bicubic,gflmser
    """
    from pipeline.compare_run import compare, find_methods
    from pipeline.comparison import Compare
    from pipeline.degrade import Degradation
    from pipeline.pairs import Pairs
    from pipeline.report import write_report
    from pipeline.truth import read_truth

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
    )
    done = compare(job, run.listing, run.options, pairs=pairs, seed=seed, resume=resume)
    write_report(out)
    for line in done.errors:
        click.echo(f"error: {line}", err=True)
    text = (out / "table.md").read_text(encoding="utf-8")
    click.echo(json.dumps(done.summary, indent=2) if as_json else f"{text}\n{done.where()}")
    return ending.exit_code(failed=done.result.failed, interrupted=done.result.interrupted)
