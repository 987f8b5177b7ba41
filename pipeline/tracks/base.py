"""What a track is made of: a face in a frame, and the faces that belong together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.boxes import Box
from pipeline.detection.base import Landmarks

Embedding = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Cut:
    """The native pixels of a face with context, as a run wrote them."""

    file: str
    """POSIX path below the run's folder."""
    face: Box
    """The box in pixels of the file."""
    landmarks: Landmarks | None = None
    """In pixels of the file; None where the face was turned upright."""


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """One face in one frame.

    `frame` counts the frames that were searched (0, 1, 2...), `box` is in pixels of the frame.
    `embedding` is `(128,)`, the mean of the face and its mirror image, or None where it is unknown.
    `degradation` is the bucket of `pipeline.identity.quality`. `seconds` and `time` say when the
    frame was taken, where that is known.
    """

    key: str
    face: int
    frame: int
    box: Box
    score: float
    embedding: Embedding | None = None
    degradation: str = ""
    upscaler: str = ""
    seconds: float | None = None
    time: str | None = None
    cut: Cut | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """The faces of one person over consecutive frames of one video or folder; never empty."""

    sequence: str
    number: int
    sightings: tuple[Sighting, ...]

    def __post_init__(self) -> None:
        if not self.sightings:
            raise ValueError("a track has at least one face")

    @property
    def best(self) -> Sighting:
        """The largest face; of equal ones the one with the best score, then the first."""
        return max(self.sightings, key=lambda one: (one.box.area, one.score, -one.frame))

    @property
    def mean_width(self) -> float:
        """Mean width of the faces in pixels, weighted by their area as the embedding is."""
        areas = [one.box.area for one in self.sightings]
        total = sum(areas)
        if total <= 0:
            return 0.0
        pairs = zip(self.sightings, areas, strict=True)
        return sum(one.box.width * area for one, area in pairs) / total
