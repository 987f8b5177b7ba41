"""What the gates of a trained GFLmser do: how wide they open, and whether images differ in it.

`python -m benchmarks.tools.gates gflmser-gate out/degraded`, on what `sr-pipeline degrade` made.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np
import torch
from torch import Tensor

from benchmarks.tools.degraded import degraded_pairs
from data.errors import UsageError
from data.images.rgb import RGB
from gflmser.cards import WeightsError
from gflmser.gating import Fusion, correlation
from gflmser.load import load_gflmser
from gflmser.network import GFLmser
from gflmser.tensors import to_tensor
from pipeline.cli import main as run


@dataclass(frozen=True, slots=True)
class Gate:
    """The correlations of one fusion over images (and channels, where each has its own)."""

    fusion: str
    side: int
    """Of the feature maps, in pixels."""
    magnitude: float
    """Mean of |rho|: the share of the skip that passes."""
    spread: float
    """Standard deviation of rho over the images, mean of the channels."""
    chance: float
    """Spread of Pearson's correlation of that many independent values: 1 / sqrt(n - 1)."""


def gates(model: GFLmser, lr: Tensor, hr: Tensor | None = None) -> list[Gate]:
    """The gates of `model` on `(N, 3, H, W)` in [-1, 1], in the order in which they act.

    `hr` is for oracles alone. Raises UsageError when there is no gate or only one image.
    """
    fusions = {
        name: module
        for name, module in model.l2h.named_modules()
        if isinstance(module, Fusion) and module.mode == "correlation"
    }
    if not fusions or len(lr) < 2:
        raise UsageError("gates are looked at in a gated network, on two images or more")
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
        model.restore(lr, hr)
    for hook in hooks:
        hook.remove()
    return found


@click.command()
@click.argument("weights")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(weights: str, folder: Path) -> None:
    """Print a Markdown table: the gates of WEIGHTS on FOLDER, which `degrade` made."""
    from tabulate import tabulate

    try:
        model, _ = load_gflmser(weights)
    except WeightsError as error:
        raise UsageError(str(error)) from error
    lr, hr = (_together(images) for images in degraded_pairs(folder))
    rows = [asdict(gate) for gate in gates(model, lr, hr)]
    click.echo(tabulate(rows, headers="keys", tablefmt="pipe", floatfmt=".3f"))


def _together(images: Sequence[RGB]) -> Tensor:
    if len({image.shape for image in images}) != 1:
        raise UsageError("gates are looked at in images of one size")
    return to_tensor(np.stack(images))


if __name__ == "__main__":
    run(main)
