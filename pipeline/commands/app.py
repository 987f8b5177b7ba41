"""`sr-pipeline app`."""

from pathlib import Path

import click

from pipeline.commands import options as opt


@click.command(short_help="Serve a page on this machine: drop images and a gallery.")
@click.option(
    "--runs",
    type=opt.FOLDER,
    default=Path("sr-pipeline-runs"),
    show_default=True,
    help="Folder for the runs; nothing is written elsewhere.",
)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=8017,
    show_default=True,
    help="Port of the page.",
)
@click.option(
    "--max-upload",
    type=click.IntRange(1),
    default=2048,
    show_default=True,
    metavar="MB",
    help="Largest upload of one run.",
)
@click.option("--no-token", is_flag=True, help="Let every user of this machine open the page.")
def command(runs: Path, port: int, max_upload: int, no_token: bool) -> None:
    """Serve a page on 127.0.0.1 that finds faces in what you drop into it.

    The page needs no network. Open the printed address: it holds the token that lets you in.
    Ctrl-C stops the page. Restored images are not evidence of identity.

    \b
    Example:
      pip install sr-pipeline[app]
      sr-pipeline app
    """
    from pipeline.environment.messages import tell

    tell("loading libraries")
    from pipeline.app.serve import serve
    from pipeline.app.settings import AppSettings

    settings = AppSettings(runs.absolute(), max_upload=max_upload << 20, port=port)
    if no_token:
        settings = AppSettings(runs.absolute(), None, max_upload << 20, port=port)
    serve(settings, ready=lambda: click.echo(f"open {settings.address}"))
