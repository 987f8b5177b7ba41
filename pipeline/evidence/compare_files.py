"""How near an output of another platform is: images by grey levels, tables by their figures."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Final, Literal

import numpy as np

from data.errors import ImageError
from data.images.files import load_rgb

Agreement = Literal["bitwise", "tolerance"]
GREY_LEVELS: Final = 2
"""Largest difference of a pixel in an image made on another device."""
PIXELS: Final = 0.5
"""Largest difference of a box's edge."""
SHARE: Final = 0.01
"""Largest difference of another figure, as a share of the larger one."""
_EDGES: Final = frozenset(("left", "top", "right", "bottom", "face_px"))


def agreement(before: Path, after: Path, *, without: frozenset[str] = frozenset()) -> str | None:
    """Why two outputs do not agree within the tolerance; None where they do.

    PNG images are compared by pixels, CSV tables by cells; columns in `without` are left out. A
    Parquet table holds the figures of the CSV beside it and counts as agreeing with it. Any other
    file must have equal bytes.
    """
    if after.suffix == ".png":
        return _images(before, after)
    if after.suffix == ".csv":
        return _tables(before, after, without)
    if after.suffix == ".parquet" and after.with_suffix(".csv").is_file():
        return None
    return None if before.read_bytes() == after.read_bytes() else "its bytes differ"


def _images(before: Path, after: Path) -> str | None:
    try:
        a, b = load_rgb(before), load_rgb(after)
    except ImageError as error:
        return str(error)
    if a.shape != b.shape:
        return f"{a.shape[1]}x{a.shape[0]} px became {b.shape[1]}x{b.shape[0]}"
    worst = int(np.abs(a.astype(np.int16) - b).max())
    return None if worst <= GREY_LEVELS else f"a pixel differs by {worst} grey levels"


def same_but(before: Path, after: Path, without: frozenset[str]) -> bool:
    """Whether two CSV tables, or the Parquet tables beside them, differ in `without` alone."""
    one, two = before.with_suffix(".csv"), after.with_suffix(".csv")
    if after.suffix not in (".csv", ".parquet") or not one.is_file() or not two.is_file():
        return False
    with (
        one.open(newline="", encoding="utf-8") as old,
        two.open(newline="", encoding="utf-8") as new,
    ):
        rows = zip_longest(csv.DictReader(old), csv.DictReader(new))
        return all(
            a is not None and b is not None and _left(a, without) == _left(b, without)
            for a, b in rows
        )


def _left(row: Mapping[str, str], without: frozenset[str]) -> dict[str, str]:
    return {name: cell for name, cell in row.items() if name not in without}


def _tables(before: Path, after: Path, without: frozenset[str]) -> str | None:
    with (
        before.open(newline="", encoding="utf-8") as one,
        after.open(newline="", encoding="utf-8") as two,
    ):
        for number, (a, b) in enumerate(zip_longest(csv.DictReader(one), csv.DictReader(two)), 2):
            if a is None or b is None:
                return f"line {number} is in one table only"
            for column in {**a, **b}:
                if column not in without and not _same_cell(
                    column, a.get(column) or "", b.get(column) or ""
                ):
                    return f"line {number}, {column}: {a.get(column)} became {b.get(column)}"
    return None


def _same_cell(column: str, a: str, b: str) -> bool:
    if a == b:
        return True
    try:
        x, y = float(a), float(b)
    except ValueError:
        return False
    limit = PIXELS if column in _EDGES else SHARE * max(abs(x), abs(y), 1.0)
    return abs(x - y) <= limit
