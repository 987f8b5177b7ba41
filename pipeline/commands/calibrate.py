"""`sr-pipeline calibrate`."""

from pathlib import Path

import click

from pipeline.commands import options as opt

_SHIPPED_CHAINS = "centerface:bicubic"


@click.group(short_help="Measure thresholds and store them with their provenance.")
def command() -> None:
    """Measure the rate of errors at each score of a detector, or at each distance of a name.

    \b
    Example:
      sr-pipeline calibrate detection photos-without-faces/
    """


@command.command(short_help="Measure thresholds of detectors by their rate of false boxes.")
@click.argument("faceless", nargs=-1, required=True, type=opt.ANY_PATH, metavar="FOLDER...")
@click.option(
    "--scenes", type=opt.FOLDER, help="Images of people: crops beside their faces are used."
)
@click.option("--truth", type=opt.ANY_PATH, help="Annotated faces of --scenes.")
@click.option(
    "--leave-out", type=opt.FILE, help="Text file: names of images that show people, one a line."
)
@click.option(
    "--chains",
    default=_SHIPPED_CHAINS,
    show_default=True,
    metavar="DETECTOR:UPSCALER,...",
    help="Chains to measure; centerface:bicubic is that of --detector auto.",
)
@click.option(
    "--crops", default=5000, show_default=True, help="How many crops without a face are searched."
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Table to write; default: the shipped one."
)
@click.option(
    "--worst", type=opt.FOLDER, help="Folder for the crops with the highest scores, to look at."
)
@opt.seed
@click.option("--device", default="auto", show_default=True, help="Device that networks run on.")
@opt.quiet
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
    """Measure thresholds on the images of FOLDER..., none of which may show a face.

    The table keeps the curves of other chains.

    \b
    Example:
      sr-pipeline calibrate detection general200 bsds100 --leave-out shows_people.txt
    """
    from pipeline.environment.messages import tell

    tell("loading libraries", quiet=quiet)
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
        say=lambda text: tell(text, quiet=quiet),
    )
    for curve in curves:
        click.echo(curve.as_text())
    click.echo(f"table: {path}")
    return 0


@command.command(short_help="Measure rules for names on the people of a labelled folder.")
@click.argument("folders", nargs=-1, required=True, type=opt.FOLDER, metavar="FOLDER...")
@click.option(
    "--list",
    "lists",
    multiple=True,
    type=opt.FILE,
    help="CSV with columns image, identity, for each FOLDER; default: one folder for each person.",
)
@click.option(
    "--upscalers", required=True, help="Upscalers, separated by commas; none: the face as it is."
)
@click.option(
    "--widths",
    help="Face widths in pixels, separated by commas; default: 9,10.5,12,18 (of none: 20,64).",
)
@click.option(
    "--per-person", type=click.IntRange(2), default=5, show_default=True, help="Images of a person."
)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Table to write."
)
@opt.embedder
@click.option(
    "--resume", is_flag=True, help="Measure only the widths that --out does not have yet."
)
@opt.quiet
def identity(
    folders: tuple[Path, ...],
    lists: tuple[Path, ...],
    upscalers: str,
    widths: str | None,
    per_person: int,
    out: Path,
    embedder: str,
    resume: bool,
    quiet: bool,
) -> int:
    """Measure when `identify` may give a name, on the people of FOLDER.

    The table is written after each width. Rules of other upscalers and widths stay. At least 100
    people are needed for a rate of 1 %.
    Rules hold for people whom they were not measured on. A name is a lead to be checked.

    \b
    Example:
      sr-pipeline calibrate identity people/ --upscalers bicubic,gflmser --out table.json
    """
    from pipeline.environment.messages import tell

    tell("loading libraries", quiet=quiet)
    from pipeline.identity.calibration_run import calibrate_to_file

    table = calibrate_to_file(
        folders,
        lists,
        upscalers.split(","),
        out,
        widths=widths,
        most=per_person,
        embedder=embedder,
        resume=resume,
        quiet=quiet,
    )
    click.echo(table)
    return 0
