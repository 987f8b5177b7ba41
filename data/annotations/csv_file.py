"""CSV: one face a line, with a header."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from data.annotations.record import Record, Sides, fail, number
from data.annotations.text import lines
from data.regular_files import separator_of

IMAGE = ("image", "file", "filename", "path")
SIDES = (
    ("left", "top", "right", "bottom"),
    ("x0", "y0", "x1", "y1"),
    ("x1", "y1", "x2", "y2"),
    ("xmin", "ymin", "xmax", "ymax"),
)
LABEL = ("class", "label")


def looks_like_header(line: str) -> bool:
    """Whether a file that begins with this line can be read here, perhaps with a complaint."""
    return any(name.strip().lower() in IMAGE for name in line.split(separator_of(line)))


def read_csv(path: Path) -> Iterator[Record]:
    """Boxes in pixels of the image beside the file, edges exclusive.

    Columns: `image` (or `file`, `filename`, `path`); `left,top,right,bottom` (or `x0,y0,x1,y1`,
    `x1,y1,x2,y2`, `xmin,ymin,xmax,ymax`); `class` or `label`, and `width` with `height` of the
    image, where there are any. Others are not read. Cells end with `,`, `;` or a tab. Four empty
    sides: an image without a face.
    """
    text = lines(path)
    rows = csv.reader(text, strict=True, delimiter=separator_of(text[0] if text else ""))
    try:
        header = [name.strip().lower() for name in next(rows, [])]
        image, sides = _columns(header, path)
        label = _first(LABEL, header)
        sized = "width" in header and "height" in header
        for row in rows:
            where = f"{path}: line {rows.line_num}"
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(header):
                fail(where, f"{len(row)} cells where the header has {len(header)}")
            cells = dict(zip(header, (cell.strip() for cell in row), strict=True))
            yield Record(
                image=cells[image],
                where=where,
                sides=_sides(cells, sides, where),
                label=cells[label] if label else None,
                size=_size(cells, where) if sized else None,
            )
    except csv.Error as error:
        fail(f"{path}: line {rows.line_num}", error)


def _columns(header: Sequence[str], path: Path) -> tuple[str, tuple[str, ...]]:
    image = _first(IMAGE, header)
    if image is None:
        fail(f"{path}: line 1", f"no column image; the columns are {', '.join(header) or 'none'}")
    for names in SIDES:
        if all(name in header for name in names):
            return image, names
    closest = max(SIDES, key=lambda names: sum(name in header for name in names))
    missing = ", ".join(name for name in closest if name not in header)
    fail(f"{path}: line 1", f"no column {missing}; the columns are {', '.join(header)}")


def _first(names: Sequence[str], header: Sequence[str]) -> str | None:
    return next((name for name in names if name in header), None)


def _sides(cells: dict[str, str], names: tuple[str, ...], where: str) -> Sides | None:
    if not any(cells[name] for name in names):
        return None
    left, top, right, bottom = (number(cells[name], name, where) for name in names)
    return left, top, right, bottom


def _size(cells: dict[str, str], where: str) -> tuple[float, float] | None:
    if not (cells["width"] or cells["height"]):
        return None
    return number(cells["width"], "width", where), number(cells["height"], "height", where)
