"""What the gates of a trained GFLmser do: how wide they open, and whether pictures differ in it.

`python -m benchmarks.gates gflmser-gate out/degraded/lr`, on pictures of one size.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np
import torch
from torch import Tensor

from gflmser.batches import to_tensor
from gflmser.gating import Fusion, correlation
from gflmser.network import GFLmser
from gflmser.weights import load_weights
from pipeline.errors import UsageError
from pipeline.images import load_rgb


@dataclass(frozen=True, slots=True)
class Gate:
    """The correlations of one fusion over pictures (and channels, where each has its own)."""

    fusion: str
    side: int
    """Of the feature maps, in pixels."""
    magnitude: float
    """Mean of |rho|: the share of the skip that passes."""
    spread: float
    """Standard deviation of rho over the pictures, mean of the channels."""
    chance: float
    """Spread of Pearson's correlation of that many independent values: 1 / sqrt(n - 1)."""


def gates(model: GFLmser, lr: Tensor) -> list[Gate]:
    """The gates of a deployable `model` on `(N, 3, H, W)`, in the order in which they act.

    Raises UsageError when it has none, or there are fewer than two pictures.
    """
    fusions = {
        name: module
        for name, module in model.l2h.named_modules()
        if isinstance(module, Fusion) and module.mode == "correlation"
    }
    if not fusions or model.config.oracle or len(lr) < 2:
        raise UsageError(
            "gates are looked at in a deployable gated network, on two pictures or more"
        )
    found: list[Gate] = []

    def watch(name: str, fusion: Fusion, seen: tuple[Tensor, Tensor | None]) -> None:
        feature, skip = seen
        if skip is None:
            return
        rho = correlation(feature, skip, scope=fusion.scope, centred=fusion.centred)
        values = math.prod(feature.shape[2:] if fusion.scope == "channel" else feature.shape[1:])
        found.append(
            Gate(
                name,
                feature.shape[-1],
                float(rho.abs().mean()),
                float(rho.std(0).mean()),
                (values - 1) ** -0.5,
            )
        )

    hooks = [
        fusion.register_forward_pre_hook(lambda module, seen, name=name: watch(name, module, seen))
        for name, fusion in fusions.items()
    ]
    with torch.inference_mode():
        model.restore(lr)
    for hook in hooks:
        hook.remove()
    return found


@click.command()
@click.argument("weights")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(weights: str, folder: Path) -> None:
    """Print a Markdown table: the gates of WEIGHTS on the PNG files of FOLDER, all of one size."""
    from tabulate import tabulate

    model, _ = load_weights(weights)
    pictures = [load_rgb(path) for path in sorted(folder.rglob("*.png"))]
    if len({picture.shape for picture in pictures}) != 1:
        raise UsageError(f"{folder} holds no PNG files, or not all of one size")
    rows = [asdict(gate) for gate in gates(model, to_tensor(np.stack(pictures)))]
    click.echo(tabulate(rows, headers="keys", tablefmt="pipe", floatfmt=".3f"))


if __name__ == "__main__":
    main()
