"""Weights made ready to ship: no tensor that restoring never reads, a card without repetition.

`python -m benchmarks.tools.ship_weights runs/lite/gflmser.safetensors --out data/weights`

H2L is left out of a GFLmser whose skips do not come from it; each earlier training keeps only what
its configuration differs in. Tensors stay as they are, bit for bit, unless `--int8` is given: then
they are stored at 8 bits (`gflmser.quantised`), in half the bytes.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import click

from data.errors import ModelError
from gflmser.card_history import earlier_trainings, without_network
from gflmser.cards import ModelCard, WeightsError
from gflmser.config import NetworkConfig
from gflmser.load import needs_degrader
from gflmser.schema import parse
from gflmser.weight_files import read_weights, store

_ROUNDED: Final = "The tensors were rounded to 8 bits after `metrics` had been measured."


def ship(file: Path, folder: Path, *, int8: bool = False) -> Path:
    """Write the weights of `file` into `folder`, with `int8` at 8 bits; the path of the new file.

    Raises ModelError when the file cannot be read.
    """
    try:
        card, tensors = read_weights(file)
    except WeightsError as error:
        raise ModelError(str(error)) from error
    if card.method == "gflmser" and not needs_degrader(parse(NetworkConfig, card.network)):
        tensors = {key: tensor for key, tensor in tensors.items() if key.startswith("l2h.")}
        card = replace(card, role="restorer")
    if int8 and card.precision != "int8":
        card = replace(card, precision="int8", limits=(*card.limits, _ROUNDED))
    return store(tensors, slim(card), folder)


def slim(card: ModelCard) -> ModelCard:
    """The card without the network's second copy and without configurations said twice."""
    training = without_network(card.training)
    return replace(card, training=training, earlier=earlier_trainings(card.earlier, training))


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False))
@click.option("--int8", is_flag=True, help="Store tensors at 8 bits.")
def command(files: tuple[Path, ...], out: Path, int8: bool) -> None:
    """Write FILES, ready to ship, into --out."""
    for file in files:
        click.echo(ship(file, out, int8=int8))


if __name__ == "__main__":
    command()
