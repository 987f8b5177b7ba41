"""`sr-pipeline calibrate`."""

from pathlib import Path

import click

from pipeline.commands import options as opt

_SHIPPED_CHAINS = "centerface:bicubic"


@click.group(short_help="Measure thresholds and store them with their provenance.")
def command() -> None:
    """Measure which score or distance stands for which rate of error."""


@command.command(short_help="Thresholds of detectors by their rate of false boxes.")
@click.argument("faceless", nargs=-1, required=True, type=opt.ANY_PATH, metavar="FOLDER...")
@click.option("--scenes", type=opt.FOLDER, help="Pictures of people: crops beside their faces.")
@click.option("--truth", type=opt.ANY_PATH, help="Boxes of the faces of --scenes.")
@click.option("--leave-out", type=opt.FILE, help="Names of what is not faceless, one a line.")
@click.option(
    "--chains",
    default=_SHIPPED_CHAINS,
    show_default=True,
    metavar="DETECTOR:UPSCALER,...",
    help="centerface:bicubic is the search of --detector auto.",
)
@click.option("--crops", default=5000, show_default=True, help="Faceless crops.")
@click.option("--out", type=click.Path(path_type=Path), help="Default: the table that is shipped.")
@click.option("--worst", type=opt.FOLDER, help="Write the crops of the highest scores, to look at.")
@opt.seed
@click.option("--device", default="auto", show_default=True)
@click.option("--quiet", is_flag=True, help="No progress on stderr.")
def detection(
    faceless: tuple[Path, ...],
    scenes: Path | None,
    truth: Path | None,
    leave_out: Path | None,
    chains: str,
    crops: int,
    out: Path | None,
    worst: Path | None,
    seed: int,
    device: str,
    quiet: bool,
) -> int:
    """Measure thresholds on the pictures of FOLDER..., none of which may show a face.

    Curves of other chains stay in the table.

    \b
    Example:
      sr-pipeline calibrate detection general200 bsds100 --leave-out shows_people.txt
    """
    from pipeline.jobs.calibrate_detection import calibrate_detection, parsed_chains

    path, curves = calibrate_detection(
        faceless,
        scenes=scenes,
        truth=truth,
        leave_out=leave_out,
        chains=parsed_chains(chains),
        crops=crops,
        out=out,
        seed=seed,
        device=device,
        worst=worst,
        say=(lambda _text: None) if quiet else (lambda text: click.echo(text, err=True)),
    )
    for curve in curves:
        click.echo(curve.as_text())
    click.echo(f"table: {path}")
    return 0
