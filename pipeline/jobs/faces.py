"""A found face as users see it: the row of `detect` as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from data.boxes import Box

_OWN: Final = frozenset(
    {*("image", "path", "face", "left", "top", "right", "bottom"), "score", "landmarks", "error"}
)
_NAMED: Final = ("identity", "distance", "threshold", "accepted", "name", "reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """One face of an image.

    `box` is in pixels of the image that was given. `score` is the detector's. `identity` is the
    closest person of the gallery, or None where no gallery was given; it may be said only when
    `accepted` is true. `details` holds every other column of `detect`, by its name.

    Examples:
        >>> Face(box=Box(2, 3, 12, 15), score=0.9).box.width
        10
    """

    box: Box
    score: float
    landmarks: tuple[tuple[float, float], ...] = ()
    """`(x, y)` of both eyes, the nose and both corners of the mouth; empty where unknown."""
    identity: str | None = None
    distance: float | None = None
    threshold: float | None = None
    accepted: bool | None = None
    name: str | None = None
    """The name that may be said; empty where none is."""
    reason: str | None = None
    """Why there is no name."""
    details: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Face:
        """The face of a row of `detections.csv` that has one."""
        return cls(
            box=Box(row["left"], row["top"], row["right"], row["bottom"]),
            score=float(row["score"]),
            landmarks=_points(row.get("landmarks")),
            **{name: row.get(name) for name in _NAMED},
            details={
                key: value
                for key, value in row.items()
                if key not in _OWN and key not in _NAMED and value not in (None, "")
            },
        )


def _points(text: str | None) -> tuple[tuple[float, float], ...]:
    pairs = (point.split(",") for point in (text or "").split())
    return tuple((float(x), float(y)) for x, y in pairs)
