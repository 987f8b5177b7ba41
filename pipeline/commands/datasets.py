"""`sr-pipeline datasets check|prepare`."""

from pathlib import Path

import click

from pipeline.commands import output


@click.group("datasets", short_help="Check and prepare datasets.")
def command() -> None:
    """Look at your copy of a dataset, and make of it what training reads.

    \b
    Example:
      sr-pipeline datasets check lfw ../shared/data/lfw
    """


@command.command("check")
@click.argument("name")
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path))
@output.as_json
def check(name: str, path: Path, as_json: bool) -> int:
    """Say what is missing or wrong in the copy of dataset NAME at PATH; exit 1 if anything is.

    \b
    Example:
      sr-pipeline datasets check lfw ../shared/data/lfw
    """
    import json
    from dataclasses import asdict

    from data.datasets.base import DatasetError
    from data.datasets.registry import dataset
    from data.errors import UsageError

    try:
        found = dataset(name).check(path)
    except DatasetError as error:
        raise UsageError(str(error)) from error
    people = f" of {found.identities:,} people" if found.identities else ""
    lines = [f"{name}: {found.pictures:,} pictures{people}", *found.problems]
    whole = {"dataset": name, **asdict(found)}
    click.echo(json.dumps(whole, indent=2) if as_json else "\n  ".join(lines))
    return 1 if found.problems else 0


@command.command("prepare")
@click.argument("name")
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path))
@click.option("--side", type=click.IntRange(16, 1024), help="Side of the arrays; else the usual.")
@click.option(
    "--corners",
    type=click.IntRange(16),
    metavar="PX",
    help="Take the corners of pictures in their place: backgrounds beside faces.",
)
@click.option(
    "--list",
    "listing",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV (image, identity) of the pictures to take.",
)
@click.option(
    "--away-from",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of test pictures: nobody on them may be trained on.",
)
@click.option(
    "--away-list",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV of the test pictures that count.",
)
@click.option("--quiet", is_flag=True, help="No progress on stderr.")
def prepare(
    name: str,
    path: Path,
    out: Path,
    side: int | None,
    corners: int | None,
    listing: Path | None,
    away_from: Path | None,
    away_list: Path | None,
    quiet: bool,
) -> int:
    """Write dataset NAME at PATH as one memory-mapped array into --out, outside the repository.

    \b
    Example:
      sr-pipeline datasets prepare folder photos/ --out ../cache/photos --side 160
    """
    from data.datasets.base import DatasetError
    from data.datasets.registry import dataset
    from data.errors import UsageError
    from pipeline.jobs.prepare_dataset import prepare as run

    def tell(stage: str, done: int, total: int) -> None:
        if not quiet and (done % 500 == 0 or done == total):
            click.echo(f"{stage} {done}/{total}", err=True)

    try:
        made = run(
            dataset(name),
            path,
            out,
            side=side,
            corners=corners,
            listing=listing,
            away_from=away_from,
            away_listing=away_list,
            progress=tell,
        )
    except DatasetError as error:
        raise UsageError(str(error)) from error
    click.echo(f"{out}: {made.cache.written:,} pictures, sources {made.cache.digest[:16]}")
    if away_from is not None:
        click.echo(f"  {made.dropped} left out: closer than 0.40 to a test picture")
    for key in made.cache.unreadable:
        click.echo(f"  {key}: cannot be read")
    return 1 if made.cache.unreadable else 0
