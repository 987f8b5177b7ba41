"""`sr-pipeline datasets check|prepare`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.commands import options as opt
from pipeline.commands import output
from pipeline.commands.types import SEED, NamedPath

if TYPE_CHECKING:
    from data.datasets.joined import Part


class _NamesDatasets(click.Command):
    """Lists the datasets below its options; they are loaded only for --help."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the names that NAME may be."""
        from data.datasets.registry import datasets

        with formatter.section("Datasets"):
            formatter.write_text(", ".join(datasets()))
        super().format_epilog(ctx, formatter)


class _GroupOfDatasets(_NamesDatasets, click.Group):
    """The commands, and the datasets below them."""


@click.group("datasets", cls=_GroupOfDatasets, short_help="Check and prepare datasets.")
def command() -> None:
    """Check your copy of a dataset, and prepare it for training.

    \b
    Example:
      sr-pipeline datasets check lfw ../shared/data/lfw
    """


@command.command("check", cls=_NamesDatasets)
@click.argument("name")
@click.argument("path", type=NamedPath(exists=True, file_okay=False, path_type=Path))
@output.as_json
def check(name: str, path: Path, as_json: bool) -> int:
    """Say what is missing or wrong in the copy of dataset NAME at PATH. Exit code 1: something is.

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
    lines = [f"{name}: {found.images:,} images{people}", *found.problems]
    whole = {"dataset": name, **asdict(found)}
    click.echo(json.dumps(whole, indent=2) if as_json else "\n  ".join(lines))
    return 1 if found.problems else 0


@command.command("prepare", cls=_NamesDatasets)
@click.argument("copies", nargs=-1, required=True, metavar="NAME PATH [NAME PATH]...")
@click.option(
    "--out",
    required=True,
    type=NamedPath(file_okay=False, path_type=Path),
    help="Folder for the prepared set; keep it outside the repository.",
)
@click.option(
    "--side",
    type=click.IntRange(16, 1024),
    help="Side of the stored squares in pixels; default: that of the dataset.",
)
@click.option(
    "--corners",
    type=click.IntRange(16),
    metavar="PX",
    help="Store corners of PX pixels instead of the images: backgrounds beside faces.",
)
@click.option(
    "--limit",
    type=click.IntRange(1),
    multiple=True,
    help="Draw this many images; give it once for each dataset.",
)
@click.option(
    "--seed", type=SEED, default=0, show_default=True, help="Seed of the draw of --limit."
)
@click.option(
    "--list",
    "listing",
    type=NamedPath(exists=True, dir_okay=False, path_type=Path),
    help="CSV with columns image, identity: use only these images.",
)
@click.option(
    "--away-from",
    type=NamedPath(exists=True, file_okay=False, path_type=Path),
    help="Folder of test images: images within 0.40 of one, by dlib's embedding, are left out.",
)
@click.option(
    "--away-list",
    type=NamedPath(exists=True, dir_okay=False, path_type=Path),
    help="CSV with a column image: use only these test images.",
)
@click.option("--overwrite", is_flag=True, help="Replace what an earlier call made in --out.")
@opt.quiet
def prepare(
    copies: tuple[str, ...],
    out: Path,
    side: int | None,
    corners: int | None,
    limit: tuple[int, ...],
    seed: int,
    listing: Path | None,
    away_from: Path | None,
    away_list: Path | None,
    overwrite: bool,
    quiet: bool,
) -> int:
    """Store datasets as one memory-mapped array in --out. Each is a NAME and the PATH of a copy.

    \b
    Examples:
      sr-pipeline datasets prepare folder data/samples --out ../cache/samples --side 160
      sr-pipeline datasets prepare celeba CelebA/ --limit 60000 --out ../cache/celeba
      sr-pipeline datasets prepare aflw AFLW/ ls3d_w LS3D-W/ --out ../cache/aflw_ls3dw
    """
    from pipeline.environment.messages import tell

    tell("loading libraries", quiet=quiet)
    from data.datasets.base import DatasetError
    from data.errors import UsageError
    from pipeline.jobs.prepare_dataset import prepare as run

    def progress(stage: str, done: int, total: int) -> None:
        if done % 500 == 0 or done == total:
            tell(f"{stage} {done}/{total}", quiet=quiet)

    try:
        made = run(
            _parts(copies, limit),
            out,
            side=side,
            corners=corners,
            seed=seed,
            listing=listing,
            away_from=away_from,
            away_listing=away_list,
            overwrite=overwrite,
            progress=progress,
        )
    except DatasetError as error:
        raise UsageError(str(error)) from error
    click.echo(f"{out}: {made.cache.written:,} images, sources {made.cache.digest[:16]}")
    if away_from is not None:
        click.echo(f"  {made.dropped} left out: closer than 0.40 to a test image")
    for key in made.cache.unreadable:
        click.echo(f"  {key}: cannot be read")
    return 1 if made.cache.unreadable else 0


def _parts(copies: Sequence[str], limits: Sequence[int]) -> list[Part]:
    """Names and paths in turns; raises UsageError where they are not."""
    from data.datasets.joined import Part
    from data.datasets.registry import dataset
    from data.errors import UsageError

    if len(copies) % 2:
        raise UsageError("each dataset is a NAME and a PATH")
    pairs = list(zip(copies[::2], map(Path, copies[1::2]), strict=True))
    if limits and len(limits) != len(pairs):
        raise UsageError(f"{len(limits)} times --limit for {len(pairs)} datasets")
    for _, path in pairs:
        if not path.is_dir():
            raise UsageError(f"{path} is not a folder")
    wanted: Sequence[int | None] = limits or [None] * len(pairs)
    return [
        Part(dataset=dataset(name), root=path, limit=limit)
        for (name, path), limit in zip(pairs, wanted, strict=True)
    ]
