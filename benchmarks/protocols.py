"""The protocols that a figure of the tables belongs to (design.md, section 4)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final, Literal

from pipeline.names import DetectorName

Draw = Literal["all", "until_found"]


@dataclass(frozen=True, slots=True)
class Protocol:
    """How faces are cut, reduced, searched and chosen."""

    name: str
    crop: float = 1.0
    """Central share of the image that is used."""
    detector: DetectorName = "hog"
    passes: int = 2
    draw: Draw = "all"
    """`until_found`: images in seeded order until enough of them show a face on HR."""
    most: int | None = None
    """The most images; None for all of the set."""
    searched: bool = True
    """Whether faces are looked for in what the methods made."""

    def parts(self) -> dict[str, object]:
        """What measured rows depend on; not which images were chosen, that is in their hash."""
        values = asdict(self)
        return {key: values[key] for key in ("crop", "detector", "passes", "searched")}


TABLE4_IMAGES: Final = 1000
CNN_IMAGES: Final = 100
"""cnn with one pass takes 0.2 s an image on one core, with two 0.7 s; faces have 50 px here."""
IDENTITY_CROP: Final = 0.55
DEGRADED_CROP: Final = 0.55
DEGRADED_IMAGES: Final = 500
"""The most images of a split in the table of degraded sets."""
OPEN_SET_IMAGES: Final = 1000
OPEN_SET_PER_PERSON: Final = 5
"""Open-set identification: the most images, and the most of one person."""
REFERENCE_CROP: Final = 0.7
"""Share of LFW's images in which the face fills as much as in the real low-resolution faces."""

PAIRED: Final = Protocol("paired", searched=False)
TABLE4: Final = (
    Protocol("paper", 1.0, "hog", 1, "until_found", TABLE4_IMAGES),
    Protocol("paper", 0.55, "hog", 1, "until_found", TABLE4_IMAGES),
    Protocol("robust", 1.0, "hog", 2, "all", TABLE4_IMAGES),
    Protocol("robust", 0.55, "hog", 2, "all", TABLE4_IMAGES),
)
CNN: Final = Protocol("cnn", 0.55, "cnn", 1, "all", CNN_IMAGES)
IDENTITY: Final = Protocol("identity", IDENTITY_CROP, searched=False)

DRAWS: Final = 30
DRAW_IMAGES: Final = 1000
"""Table 2: 30 draws of 1000 images."""
TILE: Final = 64
"""Side of the tiles of Table 3 in HR pixels."""
