"""Pairs of a detector and an upscaler, as tables and thresholds name them.

`centerface` on `bicubic` is the search of `--detector auto`. Any other pair is the paper's chain:
a small image is upscaled whole and searched, a larger one is searched as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from data.images.rgb import RGB
from pipeline.detection.base import Detection
from pipeline.detection.candidates import FLOOR
from pipeline.detection.centerface import load_centerface
from pipeline.detection.scales import plan
from pipeline.detection.second_look import search_all


@dataclass(frozen=True, slots=True)
class Chain:
    """A detector behind an upscaler."""

    detector: str
    upscaler: str


SEARCH: Final = Chain("centerface", "bicubic")

Finders = Callable[[Sequence[RGB]], Iterator[dict[Chain, list[Detection]]]]
"""From images to what each chain finds in them, best first, boxes in pixels of each image."""


def search_candidates(rgb: RGB, device: str = "auto") -> list[Detection]:
    """Every candidate of the search of `auto`, best first, whatever its score."""
    return candidates_of([rgb], device)[0]


def candidates_of(images: Sequence[RGB], device: str = "auto") -> list[list[Detection]]:
    """`search_candidates` of each image; crops go through the network together."""
    hows = [plan(rgb.shape[1], rgb.shape[0]) for rgb in images]
    found = search_all(load_centerface(min_score=FLOOR, device=device), images, hows)
    return [
        [face for face, _ in one if face.box.width >= how.min_face]
        for one, how in zip(found, hows, strict=True)
    ]
