"""What every detector takes and gives, and how one is loaded."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from data.boxes import Box
from data.images.rgb import RGB

Point = tuple[float, float]
Landmarks = tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Detection:
    """One face."""

    box: Box
    """In pixels of the image that was searched."""
    score: float
    """The detector's own score; scores of two detectors cannot be compared."""
    landmarks: Landmarks | None = None
    """Left eye, right eye, nose, left and right corner of the mouth, as seen in the image, `(x, y)`
    in its pixels; None when the detector gives none."""


class Detector(Protocol):
    """Finds faces in an image, which it may enlarge first."""

    @property
    def name(self) -> str:
        """The name it is chosen by."""
        ...

    def __call__(self, rgb: RGB, passes: int) -> list[Detection]:
        """Return the faces of `rgb`, `(H, W, 3)` uint8, best score first, boxes inside the image.

        `passes` is how often the image is doubled before the search.
        """
        ...


@dataclass(frozen=True, slots=True)
class DetectorOptions:
    """How a detector is to be loaded; each takes what concerns it."""

    min_score: float | None = None
    """Least score of a face; None for the detector's own."""
    model: Path | None = None
    """Model file that the user brings, for detectors that carry none."""
    device: str = "auto"
    """`auto`, `cpu`, `cuda` or `cuda:N`; dlib's detectors ignore it."""
    threads: int = 1
    """CPU threads of one detector; 0 takes every core."""


class Provider(Protocol):
    """What a detector's module offers under the name `PROVIDER`, and what an entry point names."""

    def check(self, options: DetectorOptions) -> None:
        """Raise ModelError when `load` would miss something; loads as little as it can."""
        ...

    def load(self, options: DetectorOptions) -> Detector:
        """Load the detector; raises ModelError when something it needs is missing or damaged."""
        ...
