"""Which score stands for which rate of false boxes: measured, stored beside this file.

`sr-pipeline calibrate detection` measures; a score without a measured curve has no rate.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from math import exp, log
from pathlib import Path
from typing import Final

from data.errors import ModelError
from data.regular_files import read_text

SHIPPED: Final = Path(__file__).with_name("thresholds.json")
CROP_RATE: Final = 0.01
"""Share of faceless crops with a false box that `detect` allows."""
FRAME_RATE: Final = 0.05
"""False boxes per faceless frame that `detect` allows."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Scores and the rates of false boxes at or above them, for one kind of search."""

    detector: str
    upscaler: str
    """What enlarged the image before the search; `bicubic` for the search of `auto`."""
    kind: str
    """`crop` (rate: share of faceless crops) or `frame` (rate: false boxes per frame)."""
    grey: bool
    largest: int
    """Longer side in pixels of the largest crops measured; 0 for frames."""
    points: tuple[tuple[float, float], ...]
    """`(score, rate)`: scores rise, rates fall, rates above 0."""
    n: int
    """Faceless images that it rests on."""

    def as_text(self) -> str:
        """One line for a person: thresholds at 1 % and 0.2 %, of frames at 0.05 boxes."""
        what = "per frame" if self.kind == "frame" else "of the crops"
        rates = (FRAME_RATE,) if self.kind == "frame" else (CROP_RATE, 0.002)
        scores = ", ".join(f"{self.threshold(rate):.3f} at {rate:g} {what}" for rate in rates)
        colour = "grey" if self.grey else "colour"
        size = f" up to {self.largest} px" if self.largest else ""
        name = f"{self.detector} on {self.upscaler}"
        return f"{name}, {self.kind}{size}, {colour}, n {self.n}: {scores}"

    def rate(self, score: float) -> float:
        """Rate of false boxes at or above `score`; the ends of the curve beyond its ends."""
        points = self.points
        if score <= points[0][0]:
            return points[0][1]
        for (low, high_rate), (high, low_rate) in pairwise(points):
            if score <= high:
                part = (score - low) / (high - low) if high > low else 1.0
                return exp(log(high_rate) + part * (log(low_rate) - log(high_rate)))
        return points[-1][1]

    def threshold(self, rate: float) -> float:
        """Least score whose rate is at most `rate`; the highest score measured below the ends."""
        points = self.points
        if rate >= points[0][1]:
            return points[0][0]
        for (low, high_rate), (high, low_rate) in pairwise(points):
            if rate >= low_rate:
                part = (log(high_rate) - log(rate)) / (log(high_rate) - log(low_rate))
                return low + part * (high - low)
        return points[-1][0]


@dataclass(frozen=True)
class Thresholds:
    """All measured curves, and where they come from."""

    curves: tuple[Curve, ...]
    provenance: dict[str, object]

    def curve(
        self, detector: str, upscaler: str, kind: str, *, grey: bool, longer: int = 0
    ) -> Curve | None:
        """The curve for a search, of crops that of the next larger size; None: not measured."""
        fitting = sorted(
            (
                curve
                for curve in self.curves
                if (curve.detector, curve.upscaler, curve.kind, curve.grey)
                == (detector, upscaler, kind, grey)
            ),
            key=lambda curve: curve.largest,
        )
        return next((c for c in fitting if c.largest >= longer), None)

    def as_json(self) -> dict[str, object]:
        """The file's content."""
        return {
            "provenance": self.provenance,
            "curves": [asdict(curve) for curve in self.curves],
        }


def from_scores(scores: Sequence[float], n: int) -> tuple[tuple[float, float], ...]:
    """Points of a curve from the false boxes' scores of `n` faceless images.

    For crops give each crop's best score, for frames every box's.

    Examples:
        >>> from_scores([0.1, 0.2, 0.4, 0.4], 10)
        ((0.1, 0.4), (0.2, 0.3), (0.4, 0.2))
    """
    ordered = sorted(scores, reverse=True)
    wanted = sorted({round(len(ordered) * 0.8**k) for k in range(40)} | {1, 2, 3, 5, len(ordered)})
    points = {ordered[k - 1]: k / n for k in wanted if 0 < k <= len(ordered)}
    return tuple(sorted((score, rate) for score, rate in points.items()))


@functools.lru_cache(maxsize=2)
def load_thresholds(path: Path = SHIPPED) -> Thresholds:
    """Read the table; raises ModelError, on one line, when it is no such table."""
    try:
        content = json.loads(read_text(path))
        curves = [
            Curve(**{**row, "points": tuple((float(s), float(r)) for s, r in row["points"])})
            for row in content["curves"]
        ]
        return Thresholds(tuple(curves), content["provenance"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(f"{path} is not a table of detection thresholds: {error}") from error
