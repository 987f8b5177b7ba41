"""The curves of trainings as one PNG: `python -m gflmser.training.curves FOLDER... OUT.png`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANELS: Final = ("psnr_rgb", "ssim", "lr_consistency", "accuracy")
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


def draw_curves(folders: Sequence[Path], out: Path) -> None:
    """A row per training, on the same scales: the smoothed losses, the validation at each crop.

    Raises ValueError where nothing was logged.
    """
    logged: list[tuple[str, dict[str, Points]]] = []
    for folder in folders:
        curves = read_curves(folder)
        if not curves:
            raise ValueError(f"no curves in {folder}/events: it is not the folder of a training")
        logged.append((folder.resolve().name, curves))
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    rows, columns = len(folders), 1 + len(_PANELS)
    figure, axes = pyplot.subplots(
        rows,
        columns,
        figsize=(20, 4 * rows),
        sharey="col",
        squeeze=False,
        constrained_layout=True,
    )
    for row, (name, curves) in zip(axes, logged, strict=True):
        _draw_losses(row[0], curves)
        row[0].set_ylabel(name)
        for axis, panel in zip(row[1:], _PANELS, strict=True):
            _draw_validation(axis, curves, panel)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)
    pyplot.close(figure)


def _draw_losses(axis: Axes, curves: dict[str, Points]) -> None:
    for tag in sorted(curves):
        if tag.startswith("loss/"):
            smooth = _smoothed(curves[tag])
            axis.plot(*zip(*smooth, strict=True), label=tag.removeprefix("loss/"))
    axis.set(title="losses", xlabel="step", yscale="log")
    axis.legend()


def _draw_validation(axis: Axes, curves: dict[str, Points], panel: str) -> None:
    for tag in sorted(curves):
        if tag.startswith("val/") and tag.endswith(f"/{panel}"):
            crop = tag.split("/")[1].removeprefix("crop")
            axis.plot(*zip(*curves[tag], strict=True), marker="o", label=f"crop {crop}")
    axis.set(title=panel, xlabel="step")
    if axis.lines:
        axis.legend()


def _smoothed(points: Points) -> Points:
    values = [value for _, value in points]
    spans = [values[max(0, i - _SMOOTHING) : i + 1] for i in range(len(values))]
    return [(step, sum(s) / len(s)) for (step, _), s in zip(points, spans, strict=True)]


@click.command()
@click.argument(
    "folders",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
def main(folders: tuple[Path, ...], out: Path) -> None:
    """Draw the curves of the trainings in FOLDERS, a row each, into OUT, a PNG file."""
    try:
        draw_curves(folders, out)
    except (OSError, ValueError) as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
