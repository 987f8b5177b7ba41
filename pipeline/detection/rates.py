"""Which curve of false boxes holds for an image: by its size, and whether it has colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from data.images.rgb import RGB
from pipeline.detection.scales import is_crop
from pipeline.detection.thresholds import Curve, load_thresholds

_GREY_SPREAD: Final = 3.0

Kind = Literal["crop", "frame"]


@dataclass(frozen=True, slots=True)
class Rates:
    """How a score in one image is judged."""

    kind: Kind
    """What `rate` counts: the share of faceless crops, or false boxes per faceless frame."""
    grey: bool
    """Whether the image has no colour."""
    curve: Curve | None
    """None where this search was not measured."""

    def rate(self, score: float) -> float | None:
        """Rate of false boxes at or above `score`; None where it was not measured."""
        return self.curve.rate(score) if self.curve else None

    def as_columns(self, score: float) -> dict[str, Any]:
        """The columns of a row that tell it: `fp_rate`, `fp_per` and `grey`."""
        rate = self.rate(score)
        per = None if rate is None else self.kind
        return {
            "fp_rate": None if rate is None else round(rate, 6),
            "fp_per": per,
            "grey": self.grey,
        }


def chain_rates(rgb: RGB, detector: str, upscaler: str) -> Rates:
    """`rates_of` for the paper's chain, whose CenterFace on bicubic was not measured.

    The curve of that name is the search of `auto`, which enlarges otherwise and looks twice.
    """
    searched = (detector, upscaler) == ("centerface", "bicubic")
    return rates_of(rgb, detector, "" if searched else upscaler)


def rates_of(rgb: RGB, detector: str, upscaler: str) -> Rates:
    """The rates of `detector` behind `upscaler` for an image of the size of `rgb`, `(H, W, 3)`.

    Raises ModelError when the table of thresholds is damaged.

    Examples:
        >>> rates_of(np.zeros((40, 30, 3), np.uint8), "centerface", "bicubic").kind
        'crop'
    """
    height, width = rgb.shape[:2]
    kind: Kind = "crop" if is_crop(width, height) else "frame"
    longer = max(width, height) if kind == "crop" else 0
    grey = is_grey(rgb)
    return Rates(
        kind, grey, load_thresholds().curve(detector, upscaler, kind, grey=grey, longer=longer)
    )


def is_grey(rgb: RGB) -> bool:
    """Whether an image has no colour, as infra-red cameras give it: channels differ by < 3."""
    step = max(1, min(rgb.shape[:2]) // 64)
    small = rgb[::step, ::step].astype(np.int16)
    return float(np.ptp(small, axis=2).mean()) < _GREY_SPREAD
