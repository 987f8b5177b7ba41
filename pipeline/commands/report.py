"""`sr-pipeline report`."""

import json
from pathlib import Path

import click

from pipeline.commands import options as opt
from pipeline.commands import output


@click.command(short_help="Write the page of a finished run again, or a PDF of it.")
@click.argument("directory", metavar="DIR", type=opt.FOLDER)
@click.option(
    "--pdf", is_flag=True, help="Write case.pdf too: originals, steps, results and limits."
)
@opt.quiet
@output.as_json
def command(directory: Path, pdf: bool, quiet: bool, as_json: bool) -> None:
    """Write report.html of DIR, a folder that `detect`, `identify`, `upscale` or `compare` wrote.

    The files written are printed. For `compare` they include tables, contact sheet and plots.
    report.html needs no other file and no network. --pdf is for `detect`, `identify`, `upscale`.

    \b
    Example:
      sr-pipeline upscale data/samples --out restored/ --upscaler bicubic
      sr-pipeline report restored/ --pdf
    """
    from pipeline.environment.messages import tell

    tell("loading libraries", quiet=quiet)
    from data.errors import UsageError
    from pipeline.report.run_page.folder import is_run_folder

    is_run = is_run_folder(directory)
    if pdf and not is_run:
        raise UsageError("--pdf is for folders of detect, identify and upscale")
    files = [
        str(file) for file in (_run_report(directory, pdf) if is_run else _compared(directory))
    ]
    click.echo(json.dumps({"files": files}, indent=2) if as_json else "\n".join(files))


def _run_report(directory: Path, pdf: bool) -> list[Path]:
    from pipeline.report.case_pdf.write import write_case_pdf
    from pipeline.report.run_page.write import write_run_page

    written = write_run_page(directory)
    return [*written, write_case_pdf(directory)] if pdf else written


def _compared(directory: Path) -> list[Path]:
    from pipeline.report.write import write_report

    return write_report(directory)
