"""What one card of the page says: the figures of a row, read by column name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, Literal

from pipeline.report.run_page.folder import Row

State = Literal["named", "abstained", "found", "dropped", "none", "restored", "error"]

STATES: Final[Mapping[State, str]] = {
    "named": "named",
    "abstained": "no name given",
    "found": "face found",
    "dropped": "dropped",
    "none": "no face found",
    "restored": "restored",
    "error": "error",
}
"""What the page calls each state of a card."""

DORI: Final = (
    (40.0, "identification"),
    (20.0, "recognition"),
    (10.0, "observation"),
    (4.0, "detection"),
)
"""Least face width in px of each class of EN 62676-4.

The standard asks for 250, 125, 62 and 25 px per metre; a face is 0.16 m wide.
"""


def dori_class(face_px: float) -> str:
    """The class of EN 62676-4 for a face `face_px` wide; `below detection` under 4 px.

    >>> dori_class(18.0)
    'observation'
    """
    return next((name for least, name in DORI if face_px >= least), "below detection")


def number(row: Row, column: str) -> float | None:
    """The finite number in `column`; None where there is none."""
    try:
        value = float(row.get(column) or "nan")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def box_of(row: Row) -> tuple[float, float, float, float] | None:
    """Left, top, right, bottom in pixels of the image; None for a row without a face.

    A dropped candidate has its box in `candidate`.
    """
    if candidate := row.get("candidate"):
        edges = candidate.split()
        row = {**row, **dict(zip(("left", "top", "right", "bottom"), edges, strict=False))}
    left, top, right, bottom = (number(row, edge) for edge in ("left", "top", "right", "bottom"))
    if left is None or top is None or right is None or bottom is None:
        return None
    return left, top, right, bottom


def state_of(row: Row, *, has_faces: bool) -> State:
    """The state that the card is filtered by."""
    if row.get("error"):
        return "error"
    if not has_faces:
        return "restored"
    if row.get("dropped"):
        return "dropped"
    if box_of(row) is None:
        return "none"
    if _true(row, "accepted"):
        return "named"
    return "abstained" if row.get("identity") or row.get("reason") else "found"


def facts_of(row: Row, *, has_faces: bool) -> dict[str, object]:
    """What the card shows, JSON-ready; what the row does not hold is absent."""
    box = box_of(row)
    width = number(row, "face_px")
    if width is None and box is not None:
        width = box[2] - box[0]
    facts: dict[str, object | None] = {
        "image": row.get("image", ""),
        "face": _whole(row, "face"),
        "state": state_of(row, has_faces=has_faces),
        "box": None if box is None else [round(edge, 2) for edge in box],
        "size": _size(row),
        "px": None if width is None else round(width, 1),
        "dori": None if width is None else row.get("dori") or dori_class(width),
        "score": number(row, "score"),
        "fp": number(row, "fp_rate"),
        "fpPer": row.get("fp_per"),
        "upscaler": row.get("upscaler"),
        "foundAt": row.get("found_at"),
        "turned": number(row, "turned") or None,
        "grey": _true(row, "grey") or None,
        "look": row.get("degradation"),
        "spread": number(row, "spread"),
        "sigma": number(row, "sigma"),
        "near": number(row, "quality"),
        "unusual": number(row, "unusual"),
        "lr": number(row, "lr_consistency"),
        "dropped": row.get("dropped"),
        "error": row.get("error"),
        "track": row.get("track"),
        "seconds": number(row, "seconds"),
        "time": row.get("time"),
        **_identity(row),
    }
    return {name: value for name, value in facts.items() if value not in (None, "")}


def _identity(row: Row) -> dict[str, object | None]:
    return {
        "name": row.get("identity"),
        "distance": number(row, "distance"),
        "similarity": number(row, "similarity"),
        "threshold": number(row, "threshold"),
        "fpir": number(row, "fpir"),
        "frames": _whole(row, "frames"),
        "reason": row.get("reason") or _no_verdict(row),
    }


def _no_verdict(row: Row) -> str | None:
    """Why no name is given, for rows that do not say it themselves."""
    if not row.get("identity") or _true(row, "accepted"):
        return None
    if number(row, "threshold") is None:
        return "no threshold is calibrated for this size and upscaler"
    return "the distance is above the threshold"


def _true(row: Row, column: str) -> bool:
    return (row.get(column) or "").lower() == "true"


def _size(row: Row) -> list[int] | None:
    width, height = number(row, "width"), number(row, "height")
    return None if width is None or height is None else [round(width), round(height)]


def _whole(row: Row, column: str) -> int | None:
    value = number(row, column)
    return None if value is None else round(value)
