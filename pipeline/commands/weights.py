"""`sr-pipeline weights list|verify|import`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.commands.types import NamedPath
from pipeline.origins import origin_names

if TYPE_CHECKING:
    from gflmser.cards import ModelCard


@click.group("weights", short_help="List, verify and import weights.")
def command() -> None:
    """List, verify and import weights: those that ship with sr-pipeline, and yours.

    \b
    Example:
      sr-pipeline weights list
    """


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print the whole cards as JSON.")
def list_(as_json: bool) -> int:
    """Print name, method, training steps and validation PSNR of every shipped weight.

    \b
    Example:
      sr-pipeline weights list --json
    """
    import json

    from gflmser.weights import list_weights

    cards = list_weights()
    if as_json:
        click.echo(json.dumps([card.plain() for card in cards], indent=2))
    else:
        for card in cards:
            click.echo(_line(card))
    return 0 if cards else 2


def _line(card: ModelCard) -> str:
    kind = "ORACLE: needs the ground truth" if card.oracle else "deployable"
    skips = f"skips {card.source}" if card.source else ""
    spent = f"{card.total_steps} steps in {card.total_wall_seconds / 60:.0f} min"
    figures = [
        f"{key.split('/')[0]} {value:.2f} dB"
        for key, value in card.metrics.items()
        if key.endswith("/psnr_rgb")
    ]
    parts = [card.name, card.method, kind, skips, spent, *figures]
    return "  ".join(part for part in parts if part)


@command.command("verify")
@click.argument("names", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print the problems of each as JSON.")
def verify(names: tuple[str, ...], as_json: bool) -> int:
    """Check hash, card and tensors of NAMES (names or files); default: all shipped weights.

    \b
    Example:
      sr-pipeline weights verify gflmser
    """
    import json

    from gflmser.weights import files
    from pipeline.methods import verify_trained

    found = {}
    for name in names or [file.stem for file in files()]:
        found[name] = verify_trained(name)
        if not as_json:
            click.echo(f"{name}: {'; '.join(found[name]) or 'ok'}")
    if as_json:
        click.echo(json.dumps(found, indent=2))
    return 1 if any(found.values()) else 0


@command.command("import")
@click.argument("file", type=NamedPath(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--origin", required=True, type=click.Choice(origin_names()), help="Published format of FILE."
)
@click.option(
    "--out",
    required=True,
    type=NamedPath(file_okay=False, path_type=Path),
    help="Folder for the weights.",
)
@click.option("--name", help="Name of the result; default: the origin.")
def import_(file: Path, origin: str, out: Path, name: str | None) -> None:
    """Convert a public weight file of a method into ours; --upscaler takes the result.

    Nothing in FILE is run, and every tensor must have the name and shape of its layout.

    \b
    bulat             jingyang2017's model.pkl
    cyclegan-junyanz  junyanz's latest_net_G.pth, 6 or 9 blocks
    srgan-brade31919  the variables of the TensorFlow checkpoint, by name, as .npz
    srgan-leftthomas  netG_epoch_*.pth, scale 4

    \b
    Example:
      sr-pipeline weights import latest_net_G.pth --origin cyclegan-junyanz --out weights/
    """
    from pipeline.origins import import_weights

    click.echo(import_weights(file, origin, out, name=name))
