"""`sr-pipeline export`: a network as ONNX."""

from pathlib import Path

import click

from pipeline.commands.types import NamedPath


@click.command("export", short_help="Export a network to ONNX.")
@click.argument("name")
@click.option(
    "--onnx",
    "file",
    required=True,
    type=NamedPath(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="File to write.",
)
def command(name: str, file: Path) -> None:
    """Write the network NAME (a shipped name or a safetensors file) as an ONNX file.

    Input `lr` (N, 3, H, W), RGB in [0, 1], H and W multiples of 4; output `sr` (N, 3, 4H, 4W).

    \b
    Example:
      sr-pipeline export gflmser --onnx gflmser.onnx
    """
    from pipeline.environment.messages import tell

    tell("loading libraries")
    from data.errors import ModelError
    from gflmser.cards import WeightsError
    from gflmser.onnx_export import export_onnx

    try:
        card = export_onnx(name, file)
    except WeightsError as error:
        raise ModelError(str(error)) from error
    click.echo(f"{file}  {card.name}, x{card.scale}")
