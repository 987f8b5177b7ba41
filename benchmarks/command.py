"""Make the tables of the paper and the speed figures."""

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from data.errors import UsageError
from pipeline.commands import options as opt
from pipeline.commands import output
from pipeline.names import Precision

if TYPE_CHECKING:
    from benchmarks.run import Name

_NAMES = (
    *("table1", "table2", "table3", "table4", "degraded", "real", "identity"),
    *("figures", "speed", "all"),
)


@click.command(short_help="Make the tables of the paper and the speed figures.")
@click.argument("name", type=click.Choice(_NAMES), metavar="|".join(_NAMES))
@click.option(
    "--data",
    type=opt.FOLDER,
    default=Path("../shared/data"),
    show_default=True,
    help="Folder of the datasets.",
)
@click.option(
    "--out",
    type=opt.FOLDER,
    default=Path("tables"),
    show_default=True,
    help="Folder for the results.",
)
@click.option(
    "--subset",
    type=click.IntRange(1, 10**7),
    metavar="N",
    help="Use at most N images of each set, for a quick look.",
)
@click.option(
    "--upscalers",
    metavar="NAME,NAME,...",
    help="Names or weight files, separated by commas; default: all that are installed.",
)
@click.option(
    "--inception-weights",
    type=opt.FILE,
    help="Inception weights of torch-fidelity, needed for FID and KID.",
)
@click.option(
    "--cache",
    type=opt.FOLDER,
    help="Folder for results that are used again; default: below ~/.cache.",
)
@opt.compute
@click.option(
    "--workers",
    type=click.IntRange(0, 512),
    help="Processes beside the main one; default: one per core.",
)
@opt.quiet
@opt.seed
@output.as_json
def command(
    name: str,
    data: Path,
    out: Path,
    subset: int | None,
    upscalers: str | None,
    inception_weights: Path | None,
    cache: Path | None,
    device: str,
    precision: Precision,
    batch_size: int,
    workers: int | None,
    quiet: bool,
    seed: int,
    as_json: bool,
) -> int:
    """Make a table of the paper from DATA: CSV, Markdown, LaTeX and JSON in OUT.

    Layouts and expected times: benchmarks/README.md. Exit code 1: a table lacked its data.

    \b
    Example:
      sr-pipeline benchmark table4 --subset 100
    """
    if not data.is_dir():
        raise UsageError(f"{data} is not there: name the folder of the datasets by --data")
    from pipeline.environment.messages import tell

    tell("loading libraries", quiet=quiet)
    from benchmarks.context import Bench
    from benchmarks.methods import find_entrants
    from benchmarks.result_cache import Cache
    from benchmarks.run import benchmark
    from data.atomic import cache_folder

    words = [word.strip() for word in upscalers.split(",") if word.strip()] if upscalers else None
    bench = Bench(
        data,
        Cache(cache or cache_folder() / "benchmark"),
        find_entrants(words),
        shlex.join(["sr-pipeline", *sys.argv[1:]]),
        subset,
        seed,
        device,
        precision,
        batch_size,
        workers,
        inception_weights,
        quiet,
    )
    done = benchmark(cast("Name", name), bench, out)
    for line in done.missing:
        click.echo(f"missing: {line}", err=True)
    bench.say(f"{bench.cache.computed} results computed, {bench.cache.reused} from the cache")
    if as_json:
        click.echo(json.dumps(done.content(), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        for sheet in done.sheets:
            click.echo(sheet.markdown())
        click.echo(f"files: {out}")
    return 1 if done.missing else 0
