"""Read `detections.csv` back: which boxes were found in which image."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from data.boxes import Box
from data.errors import UsageError
from data.regular_files import read_text, reason
from pipeline.metrics.matching import Prediction

SIDES: Final = ("left", "top", "right", "bottom")
NEEDED: Final = ("image", *SIDES)


def read_predictions(path: Path) -> dict[str, Prediction]:
    """Image key -> what was found, in the order of the file.

    Needs the columns image, left, top, right, bottom; uses score, width, height, status and error
    where they are. Raises `UsageError`, on one line with the line of the file, for anything that
    `detect` does not write.
    """
    found: dict[str, Prediction] = {}
    for where, row in _rows(path):
        image = row["image"]
        if not image:
            raise UsageError(f"{where}: no name of an image")
        found[image] = _joined(found.get(image, Prediction()), _prediction(row, where))
    if not found:
        raise UsageError(f"{path}: no image in it")
    return found


def _rows(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    try:
        text = read_text(path)
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 text (byte {error.start})") from error
    except OSError as error:
        raise UsageError(f"{path}: {reason(error)}") from error
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(lines, [])
        missing = [name for name in NEEDED if name not in header]
        if missing:
            raise UsageError(
                f"{path}: no column {', '.join(missing)}; detections.csv of `detect` is wanted"
            )
        for cells in lines:
            where = f"{path}: line {lines.line_num}"
            if not cells:
                continue
            if len(cells) != len(header):
                raise UsageError(f"{where}: {len(cells)} cells where the header has {len(header)}")
            yield where, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise UsageError(f"{path}: line {lines.line_num}: {error}") from error


def _prediction(row: Mapping[str, str], where: str) -> Prediction:
    size = None
    if row.get("width") and row.get("height"):
        size = _number(row, "width", where), _number(row, "height", where)
    if row.get("status") == "error":
        return Prediction(size=size, error=row.get("error") or "unknown")
    if not any(row[name] for name in SIDES):
        return Prediction(size=size)
    left, top, right, bottom = (_number(row, name, where) for name in SIDES)
    try:
        box = Box(left, top, right, bottom)
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from error
    score = _number(row, "score", where) if row.get("score") else None
    return Prediction((box,), (score,), size)


def _joined(a: Prediction, b: Prediction) -> Prediction:
    return Prediction(a.boxes + b.boxes, a.scores + b.scores, a.size or b.size, a.error or b.error)


def _number(row: Mapping[str, str], name: str, where: str) -> float:
    try:
        return float(row[name])
    except ValueError:
        raise UsageError(f"{where}: {name} is not a number: {row[name]!r}") from None
