"""`sr-pipeline replay`."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from pipeline.commands import options as opt
from pipeline.commands import output


@click.command(short_help="Repeat a run and compare the hashes of its outputs.")
@click.argument("directory", metavar="DIR", type=opt.FOLDER)
@click.option(
    "--inputs",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder that holds the inputs now; default: where they were.",
)
@opt.quiet
@output.as_json
def command(directory: Path, inputs: Path | None, quiet: bool, as_json: bool) -> int:
    """Check the evidence of DIR, a folder that `detect`, `identify` or `upscale` wrote.

    Compares the hashes of inputs, models and outputs with evidence.json, runs the command again in
    a temporary folder, and compares the outputs. Exit code 0: all agrees, 1: the first difference
    is printed, 2: DIR cannot be replayed.

    \b
    Example:
      sr-pipeline upscale data/samples --out restored/ --upscaler bicubic
      sr-pipeline replay restored/
    """
    from pipeline.environment.messages import tell
    from pipeline.evidence.replay import replay

    done = replay(directory, inputs=inputs, say=lambda text: tell(text, quiet=quiet))
    document = {**asdict(done), "agrees": done.agrees}
    click.echo(json.dumps(document, indent=2) if as_json else done.as_text())
    return 0 if done.agrees else 1
