"""What every reader gives: one annotated box, and where in the file it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NoReturn

from data.errors import TruthError
from data.safe_text import one_line

LARGEST: Final = 1e9
"""No coordinate is larger: sums and areas of such boxes stay finite."""
Sides = tuple[float, float, float, float]
"""No `Box` yet: as written, corners may be swapped, which a `Box` refuses."""


@dataclass(frozen=True, slots=True)
class Record:
    """One line or element of an annotation file, not yet judged."""

    image: str
    """Path of the image as the file writes it."""
    where: str
    """File and line or element, for messages."""
    sides: Sides | None
    """Left, top, right, bottom as written; None where an image is said to have no face."""
    label: str | None = None
    """Class of the box; None where the format or the file has no classes."""
    ignored: bool = False
    """Neither to be found nor a mistake when found: crowd, invalid, difficult, `ignore`."""
    size: tuple[float, float] | None = None
    """Width and height of the image, where the file says."""


def fail(where: str, why: object) -> NoReturn:
    """Raise `TruthError` with a message of one line."""
    raise TruthError(f"{one_line(where)}: {one_line(why)}")


def number(text: object, name: str, where: str) -> float:
    """`text` as a finite float; raises `TruthError` naming the field and the place."""
    try:
        value = float(text)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        fail(where, f"{name} is not a number: {str(text)[:40]!r}")
    if isinstance(text, bool) or not abs(value) <= LARGEST:  # NaN fails too
        fail(where, f"{name} is not a number: {str(text)[:40]!r}")
    return value
