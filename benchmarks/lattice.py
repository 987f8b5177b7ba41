"""Whether a network draws a hatch: what its error repeats in every LR pixel of every picture.

`python -m benchmarks.lattice gflmser out/degraded`, on what `sr-pipeline degrade` made.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.degraded import degraded_pairs
from pipeline.arrays import RGB
from pipeline.cli import main as run
from pipeline.upscale import load_upscaler


def repeated_error(sr: Sequence[RGB], hr: Sequence[RGB], scale: int = 4) -> NDArray[np.float64]:
    """`(scale, scale)` grey levels: the mean error at each place of an LR pixel, less their mean.

    Faces and edges fall on any place alike, so that their errors cancel; a hatch does not.
    """
    errors = [
        (a.astype(np.float64) - b).mean(2).reshape(len(a) // scale, scale, -1, scale).mean((0, 2))
        for a, b in zip(sr, hr, strict=True)
    ]
    pattern = np.mean(errors, axis=0)
    return np.asarray(pattern - pattern.mean())


@click.command()
@click.argument("upscaler")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(upscaler: str, folder: Path) -> None:
    """Print the repeated error of UPSCALER on FOLDER, which `degrade` made, and its RMS."""
    lr, hr = degraded_pairs(folder)
    pattern = repeated_error(load_upscaler(upscaler, device="cpu")(lr), hr)
    click.echo(np.array2string(pattern, precision=2, suppress_small=True))
    click.echo(f"{np.sqrt((pattern**2).mean()):.2f} grey levels RMS over {len(hr)} pictures")


if __name__ == "__main__":
    run(main)
