"""Weights made ready to ship: no tensor that restoring never reads, a card without repetition.

`python -m benchmarks.tools.ship_weights runs/lite/gflmser.safetensors --out data/weights`

H2L is left out of a GFLmser whose skips do not come from it; each earlier training keeps only what
its configuration differs in. Tensors stay as they are, bit for bit.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from data.errors import ModelError
from gflmser.card_history import earlier_trainings, without_network
from gflmser.cards import ModelCard, WeightsError
from gflmser.config import NetworkConfig
from gflmser.load import needs_degrader
from gflmser.schema import parse
from gflmser.weight_files import read_weights, store


def ship(file: Path, folder: Path) -> Path:
    """Write the weights of `file` into `folder`; the path of what was written.

    Raises ModelError when the file cannot be read.
    """
    try:
        card, tensors = read_weights(file)
    except WeightsError as error:
        raise ModelError(str(error)) from error
    if card.method == "gflmser" and not needs_degrader(parse(NetworkConfig, card.network)):
        tensors = {key: tensor for key, tensor in tensors.items() if key.startswith("l2h.")}
        card = replace(card, role="restorer")
    return store(tensors, slim(card), folder)


def slim(card: ModelCard) -> ModelCard:
    """The card without the network's second copy and without configurations said twice."""
    training = without_network(card.training)
    return replace(card, training=training, earlier=earlier_trainings(card.earlier, training))


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False))
def command(files: tuple[Path, ...], out: Path) -> None:
    """Write FILES, ready to ship, into --out."""
    for file in files:
        click.echo(ship(file, out))


if __name__ == "__main__":
    command()
