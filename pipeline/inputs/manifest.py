"""CSV manifests `image[,left,top,right,bottom][,identity][,track]`, of spreadsheets too."""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from data.boxes import Box
from data.errors import TruthError
from data.regular_files import read_text, reason, separator_of
from data.safe_text import one_line, printable
from pipeline.inputs.source import Source

_BOX_COLUMNS: Final = ("left", "top", "right", "bottom")
_SHOWN: Final = 8
Key = Callable[[Path], str]


def read_manifest(path: Path, root: Path, key: Key) -> Iterator[Source]:
    """Yield the rows as sources; paths are relative to `root`, `key` names a path in tables.

    The separator may be `,`, `;` or a tab; capitals and blanks in the header do not matter.
    Raises TruthError, on one line, for a file that cannot be read or has no column `image`.
    """
    try:
        text = read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        why = reason(error) if isinstance(error, OSError) else "not UTF-8 text"
        raise TruthError(f"{_shown(path)} cannot be read as CSV: {one_line(why)}") from error
    separator = separator_of(text.partition("\n")[0])
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        columns = [name.strip().lower() for name in next(rows, [])]
        _check(columns, path)
        for cells in rows:
            if any(cell.strip() for cell in cells):
                yield _row(dict(zip(columns, cells, strict=False)), root, key, rows.line_num)
    except csv.Error as error:
        raise TruthError(
            f"{_shown(path)}: line {rows.line_num} cannot be read as CSV: {one_line(error)}"
        ) from error


def _check(columns: list[str], path: Path) -> None:
    if "image" in columns:
        return
    found = ", ".join(repr(one_line(name)[:40]) for name in columns[:_SHOWN]) or "none"
    raise TruthError(f"{_shown(path)} has no column `image`; its columns are {found}")


def _shown(path: Path) -> str:
    return printable(str(path))


def _row(row: dict[str, str], root: Path, key: Key, line: int) -> Source:
    name = row.get("image", "").strip()
    if not name:
        problem = f"line {line} of the manifest names no image"
        return Source("(no name)", root, problem=problem)
    identity = printable((row.get("identity") or "").strip()) or None
    track = printable((row.get("track") or "").strip()) or None
    source = Source(key(Path(name)) or "(no name)", root / name, identity=identity, track=track)
    if "\0" in name:
        return replace(source, problem=f"line {line} of the manifest: a NUL in the name")
    edges = [(row.get(column) or "").strip() for column in _BOX_COLUMNS]
    if not any(edges):
        return source
    try:
        left, top, right, bottom = (float(edge) for edge in edges)
        return replace(source, region=Box(left, top, right, bottom))
    except ValueError:
        shown = one_line(", ".join(edges))[:100]
        return replace(source, problem=f"line {line}: the manifest's box is not valid: {shown}")
