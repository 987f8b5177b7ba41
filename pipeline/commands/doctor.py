"""`sr-pipeline doctor`."""

import json
from dataclasses import asdict

import click

from pipeline.commands import output


@click.command(short_help="Check the installation.")
@output.as_json
def command(as_json: bool) -> int:
    """Check versions, devices, models and weights; try each detector; say what to do.

    Exit code 1 when something is wrong.

    \b
    Example:
      sr-pipeline doctor
    """
    from pipeline.doctor import examine

    checks = []
    for check in examine():
        checks.append(check)
        if not as_json:
            advice = f"\n        -> {check.advice}" if check.advice else ""
            click.echo(f"{check.state:<5} {check.name}: {check.found}{advice}")
    if as_json:
        click.echo(json.dumps([asdict(check) for check in checks], indent=2))
    return int(any(check.state == "fail" for check in checks))
