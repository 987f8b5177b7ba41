"""`sr-pipeline report`."""

import json
from pathlib import Path

import click

from pipeline.commands import options as opt
from pipeline.commands import output


@click.command(short_help="Write the report of a compare folder again.")
@click.argument("directory", metavar="DIR", type=opt.FOLDER)
@output.as_json
def command(directory: Path, as_json: bool) -> None:
    """Write tables, contact sheet, plots and report.html of DIR, a folder that `compare` wrote.

    Prints the files written. report.html needs no other file and no network.

    \b
    Example:
      sr-pipeline compare data/samples --out compared/ --upscalers bicubic,lanczos
      sr-pipeline report compared/
    """
    from pipeline.report.write import write_report

    files = [str(file) for file in write_report(directory)]
    click.echo(json.dumps({"files": files}, indent=2) if as_json else "\n".join(files))
