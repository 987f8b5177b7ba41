"""Thresholds of identity, calibrated per face size and upscaler; nothing is accepted without one.

`python -m pipeline.identity.thresholds LFW_DIR SPLIT_CSV --upscalers NAME...` measures them and
updates the table that is shipped beside this file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from math import log
from pathlib import Path
from typing import Final

from data.errors import ModelError

SHIPPED: Final[Path] = Path(__file__).with_name("thresholds.json")
FARS: Final[tuple[float, ...]] = (0.01, 0.001)
PLAIN: Final = "none"
"""Name in the table for pictures that were not enlarged."""


@dataclass(frozen=True, slots=True)
class Row:
    """One measured threshold."""

    upscaler: str
    face_px: float
    """Mean width of the face's box in pixels of the picture before it was enlarged."""
    far: float
    """Share of comparisons between two people that the threshold accepts."""
    threshold: float
    """Largest Euclidean distance that is accepted."""
    n_pairs: int
    """Comparisons between two people that it rests on."""
    tar: float
    """Share of comparisons of one person with himself that it accepts, on the same data."""
    n_same: int


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the rows of an upscaler come from."""

    data: str
    command: str
    commit: str | None
    date: str
    weights: str | None = None
    """SHA-256 of the network's file; other weights of that name need a new calibration."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold, or why there is none."""

    value: float | None
    note: str = ""


@dataclass(frozen=True)
class Calibration:
    """Measured thresholds and their provenance, per upscaler."""

    rows: tuple[Row, ...]
    provenance: Mapping[str, Provenance] = field(default_factory=dict)

    def threshold(self, upscaler: str, face_px: float, far: float = 0.01) -> Threshold:
        """The threshold for faces `face_px` wide in the picture before it was enlarged.

        Between measured sizes it is linear in the logarithm of the size. Larger sizes have that of
        the largest. There is none below the smallest, nor for an upscaler or FAR that was not
        measured.
        """
        rows = sorted(
            (row for row in self.rows if row.upscaler == upscaler and row.far == far),
            key=lambda row: row.face_px,
        )
        if not rows:
            return Threshold(None, f"not calibrated for {upscaler} at FAR {far:g}")
        if not face_px >= rows[0].face_px:
            size = f"{face_px:.1f} px, the smallest measured is {rows[0].face_px:g}"
            return Threshold(None, f"not calibrated for {upscaler} at {size}")
        for low, high in pairwise(rows):
            if face_px <= high.face_px:
                part = log(face_px / low.face_px) / log(high.face_px / low.face_px)
                return Threshold(low.threshold + part * (high.threshold - low.threshold))
        return Threshold(rows[-1].threshold)

    def updated(self, rows: Iterable[Row], provenance: Mapping[str, Provenance]) -> Calibration:
        """This table with the upscalers of `provenance` replaced by `rows`."""
        kept = [row for row in self.rows if row.upscaler not in provenance]
        ordered = sorted([*kept, *rows], key=lambda row: (row.upscaler, row.far, row.face_px))
        return Calibration(tuple(ordered), {**self.provenance, **provenance})

    def as_json(self) -> str:
        """The file's text; `load_calibration` reads it back equal."""
        document = {
            "provenance": {name: asdict(p) for name, p in sorted(self.provenance.items())},
            "rows": [asdict(row) for row in self.rows],
        }
        return json.dumps(document, indent=1, allow_nan=False) + "\n"


def load_calibration(path: Path = SHIPPED) -> Calibration:
    """Read a table; raises `ModelError` on one line when it is missing or broken."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return Calibration(
            tuple(Row(**row) for row in document["rows"]),
            {name: Provenance(**p) for name, p in document["provenance"].items()},
        )
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"{path}: not a calibration table: {reason}") from error


if __name__ == "__main__":
    from pipeline.identity.calibrate import main

    main()
