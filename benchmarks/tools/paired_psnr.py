"""What a change of weights costs: PSNR of the same images by two files, paired.

`python -m benchmarks.tools.paired_psnr before/gflmser-gate.safetensors gflmser-gate`
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.image_sets import ImageSet, lfw_split, source_of
from pipeline.cli import main as run
from pipeline.jobs.compare import comparable
from pipeline.jobs.degrade import Degradation
from pipeline.metrics.image_quality import psnr_rgb
from pipeline.metrics.intervals import bootstrap_interval
from pipeline.upscalers.base import restore

_CROPS: Final = (1.0, 0.55)


def psnr_of(weights: str, images: ImageSet, crop: float) -> NDArray[np.float64]:
    """PSNR (RGB, dB) of each image at `crop`, restored by `weights` (a shipped name or a file)."""
    degradation = Degradation(crop)
    sources = [source_of(image) for image in images.images]
    hr, lr = zip(*(degradation(source.load(), source.key) for source in sources), strict=True)
    made = restore(comparable(weights, "cpu", "fp32", 16), list(lr), list(hr))
    return np.array([psnr_rgb(a, b) for a, b in zip(made, hr, strict=True)])


@click.command()
@click.argument("before")
@click.argument("after")
@click.option("--data", type=click.Path(path_type=Path), default=Path("../shared/data"))
@click.option("--split", default="lfw-val", show_default=True, help="A list of LFW's images.")
@click.option("--images", default=100, show_default=True, help="How many of the split.")
def main(before: str, after: str, data: Path, split: str, images: int) -> None:
    """Print the PSNR of two weights on the same images, and their difference."""
    chosen = lfw_split(data, split).first(images)
    for crop in _CROPS:
        first, second = (psnr_of(weights, chosen, crop) for weights in (before, after))
        moved = second - first
        around = bootstrap_interval(list(moved), seed=0)
        click.echo(
            f"{Path(after).stem}  crop {crop:g}  {first.mean():.3f} dB -> {second.mean():.3f} dB"
            f"  {moved.mean():+.4f} [{around.lo:+.4f}, {around.hi:+.4f}]"
            f"  largest {np.abs(moved).max():.3f}  {len(moved)} images"
        )


if __name__ == "__main__":
    run(main)
