"""The TensorBoard curves of a training as one PNG: `python -m gflmser.curves FOLDER OUT.png`."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Final

import click

_PANELS: Final = ("psnr_rgb", "ssim_y", "lr_consistency", "accuracy")
_SMOOTHING: Final = 5

Points = list[tuple[int, float]]


def read_curves(folder: Path) -> dict[str, Points]:
    """Every scalar under `folder/events`: step and value, in order; a resumed run is one curve."""
    from tensorboard.backend.event_processing.event_accumulator import (  # type: ignore[import-untyped]
        EventAccumulator,
    )

    found: dict[str, dict[int, float]] = defaultdict(dict)
    for file in sorted((folder / "events").glob("events.*"), key=lambda path: path.name):
        events = EventAccumulator(str(file), size_guidance={"scalars": 0})
        events.Reload()
        for tag in events.Tags()["scalars"]:
            found[tag].update({event.step: event.value for event in events.Scalars(tag)})
    return {tag: sorted(values.items()) for tag, values in found.items()}


def draw_curves(folder: Path, out: Path) -> None:
    """The losses, smoothed, and the validation figures at each crop.

    Raises ValueError where nothing was logged.
    """
    curves = read_curves(folder)
    if not curves:
        raise ValueError(f"no curves in {folder / 'events'}: it is not the folder of a training")
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    losses = [tag for tag in sorted(curves) if tag.startswith("loss/")]
    figure, axes = pyplot.subplots(1, 1 + len(_PANELS), figsize=(20, 4), constrained_layout=True)
    for tag in losses:
        smooth = _smoothed(curves[tag])
        axes[0].plot(*zip(*smooth, strict=True), label=tag.removeprefix("loss/"))
    axes[0].set(title="losses", xlabel="step", yscale="log")
    axes[0].legend()
    for axis, panel in zip(axes[1:], _PANELS, strict=True):
        for tag in sorted(curves):
            if tag.startswith("val/") and tag.endswith(f"/{panel}"):
                crop = tag.split("/")[1].removeprefix("crop")
                axis.plot(*zip(*curves[tag], strict=True), marker="o", label=f"crop {crop}")
        axis.set(title=panel, xlabel="step")
        if axis.lines:
            axis.legend()
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)
    pyplot.close(figure)


def _smoothed(points: Points) -> Points:
    values = [value for _, value in points]
    spans = [values[max(0, i - _SMOOTHING) : i + 1] for i in range(len(values))]
    return [(step, sum(s) / len(s)) for (step, _), s in zip(points, spans, strict=True)]


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
def main(folder: Path, out: Path) -> None:
    """Draw the curves of the training in FOLDER into OUT, a PNG file."""
    try:
        draw_curves(folder, out)
    except (OSError, ValueError) as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
