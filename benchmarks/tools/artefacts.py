"""Whether a network draws a hatch: one that every LR pixel repeats, or a checkerboard.

`python -m benchmarks.tools.artefacts gflmser out/degraded`, on what `sr-pipeline degrade` made.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.tools.degraded import degraded_pairs
from data.images.rgb import RGB
from pipeline.cli import main as run
from pipeline.upscalers.loading import load_upscaler


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


def checkerboard(images: Sequence[RGB], smooth: Sequence[RGB]) -> float:
    """RMS in grey levels of what alternates from pixel to pixel both ways, where `smooth` is flat.

    Flat is where neighbours of the smooth (bicubic) image differ by less than a grey level.
    Images have some by nature: read it beside the figure of HR.
    """
    found = [_alternating(a)[_flat(b)] for a, b in zip(images, smooth, strict=True)]
    return float(np.sqrt((np.concatenate(found) ** 2).mean()))


def _alternating(image: RGB) -> NDArray[np.float64]:
    grey = image.mean(2, dtype=np.float64)
    return np.asarray((grey[:-1, :-1] - grey[:-1, 1:] - grey[1:, :-1] + grey[1:, 1:]) / 4)


def _flat(image: RGB) -> NDArray[np.bool_]:
    grey = image.mean(2, dtype=np.float64)
    across, down = np.abs(np.diff(grey, axis=1)), np.abs(np.diff(grey, axis=0))
    return np.asarray((across[:-1] < 1) & (down[:, :-1] < 1))


@click.command()
@click.argument("upscaler")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(upscaler: str, folder: Path) -> None:
    """Print the hatches of UPSCALER on FOLDER, which `degrade` made."""
    lr, hr = degraded_pairs(folder)
    sr, smooth = (load_upscaler(name, device="cpu")(lr) for name in (upscaler, "bicubic"))
    pattern = repeated_error(sr, hr)
    click.echo(np.array2string(pattern, precision=2, suppress_small=True))
    click.echo(f"{np.sqrt((pattern**2).mean()):.2f} grey levels RMS over {len(hr)} images")
    figures = [checkerboard(images, smooth) for images in (sr, smooth, hr)]
    click.echo("checkerboard in flat parts {:.2f}, bicubic {:.2f}, HR {:.2f}".format(*figures))


if __name__ == "__main__":
    run(main)
