"""The plots of a report, drawn by matplotlib without a display, for a light or a dark page."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.summary import values_of
from pipeline.metrics.intervals import bootstrap_interval
from pipeline.report.data import Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PALETTE: Final = (
    *("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"),
    *("#8C8C8C", "#7A5195"),
)
"""Okabe and Ito's colours, told apart by the colour-blind; the marker and the dash differ too."""
_MARKERS: Final = "osD^vPX*"
_DASHES: Final = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)))
_BINS: Final = 6
_BIN_MIN: Final = 12
"""Images a bin of face sizes should hold, lest its share be noise."""
_INCHES: Final = 7.2


ThemeName = Literal["light", "dark"]
Drawn = Mapping[tuple[str, ThemeName], bytes]
"""A PNG file for each plot's name and each theme."""


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours of everything but the data."""

    paper: str
    ink: str
    faint: str
    grid: str


THEMES: Final[Mapping[ThemeName, Theme]] = {
    "light": Theme("#ffffff", "#18181b", "#5b5b66", "#e4e4e7"),
    "dark": Theme("#1c1c21", "#f4f4f5", "#a9a9b4", "#3a3a42"),
}


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot's file name, its title, what it shows in one sentence, and what draws it."""

    name: str
    title: str
    caption: str
    draw: Callable[[Report, Axes, Theme], None]


def plots() -> tuple[Plot, ...]:
    """The plots of every report, in order."""
    return (
        Plot(
            "accuracy",
            "Accuracy by method",
            "Share of the images with ground truth whose face is found with IoU ≥ 0.5; "
            "bars show the 95 % interval. Hatched: oracle.",
            _accuracy,
        ),
        Plot(
            "iou",
            "Distribution of IoU",
            "Share of the images with ground truth whose face is found with at least this IoU; "
            "at 0.5 it is the accuracy.",
            _iou,
        ),
        Plot(
            "accuracy_by_size",
            "Accuracy against face size",
            "Images in groups of about equal number by the width of the ground-truth box on HR; "
            "each point stands at its group's median, with the 95 % interval.",
            _by_size,
        ),
    )


def render(plot: Plot, report: Report, theme: ThemeName = "light") -> bytes:
    """The plot as a PNG file; no state of matplotlib is touched."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    colours = THEMES[theme]
    height = 3.9 if plot.name != "accuracy" else 1.5 + 0.42 * len(report.methods)
    figure = Figure(figsize=(_INCHES, height), facecolor=colours.paper)
    figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.12)
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    _style(axes, colours, plot.title)
    plot.draw(report, axes, colours)
    return _png(figure)


def render_all(report: Report) -> Drawn:
    """Every plot in every theme."""
    return {(plot.name, theme): render(plot, report, theme) for plot in plots() for theme in THEMES}


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=160, metadata={"Software": None})
    return buffer.getvalue()


def _style(axes: Axes, theme: Theme, title: str) -> None:
    axes.set_facecolor(theme.paper)
    axes.set_title(title, loc="left", color=theme.ink, fontsize=12, fontweight="bold", pad=10)
    axes.tick_params(colors=theme.faint, labelsize=9, length=0)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set_color(theme.faint)
        label.set_fontsize(9.5)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(theme.grid)
    axes.grid(color=theme.grid, linewidth=0.8)
    axes.set_axisbelow(True)


def _accuracy(report: Report, axes: Axes, theme: Theme) -> None:
    methods = report.methods
    values = [_values(report, m)["accuracy"] for m in methods]
    for row, (method, accurate) in enumerate(zip(methods, values, strict=True)):
        mean = float(accurate.mean()) if accurate.size else 0.0
        found = bootstrap_interval(accurate, seed=report.seed)
        axes.barh(
            row,
            mean,
            height=0.62,
            color=_colour(report, method),
            hatch="///" if method in report.oracles else None,
            edgecolor=theme.paper,
            linewidth=0,
        )
        hi = mean
        if accurate.size:
            hi = found.hi
            axes.errorbar(
                mean,
                row,
                xerr=[[mean - found.lo], [found.hi - mean]],
                color=theme.ink,
                capsize=3.5,
                linewidth=1.3,
            )
        text = f"{mean:.3f}" if accurate.size else "no ground truth"
        axes.text(hi + 0.015, row, text, color=theme.ink, va="center", fontsize=9.5)
    names = [f"{m} (oracle)" if m in report.oracles else m for m in methods]
    axes.set_yticks(range(len(methods)), names, color=theme.ink)
    axes.set_ylim(len(methods) - 0.4, -0.6)
    axes.set_xlim(0, 1.1)
    axes.set_xticks(np.linspace(0, 1, 6))
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("accuracy (IoU ≥ 0.5)")


def _iou(report: Report, axes: Axes, theme: Theme) -> None:
    thresholds = np.linspace(0.0, 1.0, 501)
    for index, method in enumerate(report.methods):
        values = _values(report, method)
        if not values["iou_all"].size:
            continue
        hits = np.sort(values["iou_hit"])
        reached = hits.size - np.searchsorted(hits, thresholds, side="left")
        axes.plot(
            thresholds,
            reached / values["iou_all"].size,
            color=_colour(report, method),
            linestyle=_DASHES[index % len(_DASHES)],
            linewidth=2,
            label=_name(report, method),
        )
    axes.axvline(0.5, color=theme.faint, linewidth=1, linestyle=(0, (2, 2)))
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="IoU threshold", ylabel="share of images")
    _legend(axes, theme)


def _by_size(report: Report, axes: Axes, theme: Theme) -> None:
    for index, method in enumerate(report.methods):
        accurate = _values(report, method)["accuracy"]
        size = _sizes(report, method)
        groups = _groups(size)
        if not groups:
            continue
        x = [float(np.median(size[g])) for g in groups]
        y = [float(accurate[g].mean()) for g in groups]
        ends = [bootstrap_interval(accurate[g], seed=report.seed) for g in groups]
        shift = 0.011 * (max(x) - min(x)) * (index - (len(report.methods) - 1) / 2)
        axes.errorbar(
            [v + shift for v in x],
            y,
            yerr=[
                [v - e.lo for v, e in zip(y, ends, strict=True)],
                [e.hi - v for v, e in zip(y, ends, strict=True)],
            ],
            color=_colour(report, method),
            marker=_MARKERS[index % len(_MARKERS)],
            linestyle=_DASHES[index % len(_DASHES)],
            markersize=5.5,
            linewidth=1.8,
            elinewidth=1.1,
            capsize=2.5,
            label=_name(report, method),
        )
    axes.set(
        ylim=(-0.02, 1.02), xlabel="width of the face on HR, px", ylabel="accuracy (IoU ≥ 0.5)"
    )
    _legend(axes, theme)


def _groups(size: NDArray[np.float64]) -> list[NDArray[np.intp]]:
    """Indices of images by face size, in groups of about equal number; ties stay together."""
    known = np.flatnonzero(np.isfinite(size))
    if not known.size:
        return []
    count = int(min(_BINS, max(1, known.size // _BIN_MIN)))
    edges = np.unique(np.quantile(size[known], np.linspace(0, 1, count + 1)))
    if edges.size < 3:
        return [known]
    place = np.clip(np.searchsorted(edges, size[known], side="right") - 1, 0, edges.size - 2)
    return [known[place == i] for i in range(edges.size - 1) if (place == i).any()]


def _values(report: Report, method: str) -> dict[str, NDArray[np.float64]]:
    return values_of(report.rows[report.rows["method"] == method])


def _sizes(report: Report, method: str) -> NDArray[np.float64]:
    """Width of the face on HR, for each value of accuracy."""
    rows = report.rows[(report.rows["method"] == method) & report.rows["truth"].astype(bool)]
    return rows["face_px"].to_numpy(np.float64)


def _colour(report: Report, method: str) -> str:
    return PALETTE[report.methods.index(method) % len(PALETTE)]


def _name(report: Report, method: str) -> str:
    return f"{method} (oracle)" if method in report.oracles else method


def _legend(axes: Axes, theme: Theme) -> None:
    handles, _ = axes.get_legend_handles_labels()
    if not handles:
        axes.text(0.5, 0.5, "no image with ground truth", color=theme.faint, ha="center")
        return
    axes.legend(
        frameon=False,
        labelcolor=theme.ink,
        fontsize=9,
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
        handlelength=2.6,
    )
