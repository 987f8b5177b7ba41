"""What a figure of image quality is: declared once, shown everywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from data.images.rgb import RGB


@dataclass(frozen=True, slots=True)
class Triple:
    """One restored image with what it is measured against, all uint8 RGB."""

    sr: RGB
    """`(H, W, 3)`"""
    hr: RGB
    """`(H, W, 3)`, the ground truth."""
    lr: RGB
    """`(h, w, 3)`, what the restorer was given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A figure of one restored image; a set's figure is the mean over its images.

    Columns of tables, cells of JSON, validation of trainings and the best mark of a table follow
    from this declaration. Packages add theirs by the entry point `sr_pipeline.metrics`.

    >>> zero = Metric(key="zero", title="Zero", hint="always 0", compute=lambda images: 0.0)
    >>> zero.higher_is_better
    True
    """

    key: str
    """Name of the column in tables and JSON."""
    title: str
    """Heading of the column."""
    hint: str
    """What it is, in one line, with its unit."""
    compute: Callable[[Triple], float]
    unit: str = ""
    digits: int = 3
    """Shown behind the point."""
    higher_is_better: bool = True
    cap: float | None = None
    """The largest value that enters a mean: an infinite one would swallow it."""
