"""What a `detect`, `identify` or `upscale` run left in its folder, read for the page."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from data.errors import UsageError
from data.regular_files import is_regular, read_text
from data.safe_text import one_line

FACES_TABLE: Final = "detections.csv"
IMAGES_TABLE: Final = "pictures.csv"
EVIDENCE: Final = "evidence.json"
_LONGEST_CELL: Final = 1 << 20
_LARGEST: Final = 1e9
"""No edge of a region is larger."""
Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Input:
    """One input image as evidence.json records it."""

    path: Path
    output: str
    """Relative PNG path of what was made from it; empty where it is not recorded."""
    region: tuple[float, float, float, float] | None
    """The part that was used, in pixels of the whole image; None for all of it."""
    sha256: str


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A folder of a finished or interrupted run."""

    directory: Path
    rows: tuple[Row, ...]
    """One for each face or image, cells as text; a column that is absent has no key."""
    has_faces: bool
    """True for `detect` and `identify`, False for `upscale`."""
    summary: Mapping[str, Any]
    evidence: Mapping[str, Any]
    inputs: Mapping[str, Input]
    """By the image's key; empty without evidence.json."""

    @property
    def command(self) -> str:
        """`detect`, `identify` or `upscale`."""
        if not self.has_faces:
            return "upscale"
        named = any(row.get("identity") or row.get("reason") for row in self.rows)
        return "identify" if named else "detect"

    def output(self, row: Row) -> str:
        """Relative PNG path of what was made from the row's image."""
        image = row.get("image", "")
        recorded = self.inputs[image].output if image in self.inputs else ""
        given = row.get("output") or recorded
        name = PurePosixPath(image)
        return given or (str(name.with_suffix(".png")) if name.name else "")

    def file(self, *parts: str) -> Path | None:
        """A file inside the folder; None where it is absent or the name would leave the folder."""
        name = PurePosixPath(*parts)
        if name.is_absolute() or ".." in name.parts:
            return None
        file = self.directory / name
        return file if is_regular(file) else None


def is_run_folder(directory: Path) -> bool:
    """Tell whether `directory` holds the table of a `detect`, `identify` or `upscale` run."""
    return any((directory / name).is_file() for name in (FACES_TABLE, IMAGES_TABLE))


def read_run(directory: Path) -> RunFolder:
    """Read tables, summary.json and evidence.json; the last two may be absent.

    Raises `UsageError` when the folder holds no table or one that cannot be read.
    """
    has_faces = (directory / FACES_TABLE).is_file()
    rows = tuple(_read_table(directory / (FACES_TABLE if has_faces else IMAGES_TABLE)))
    evidence = _read_json(directory / EVIDENCE)
    inputs = {
        str(entry["key"]): Input(
            Path(str(entry.get("path", ""))),
            str(entry.get("output") or ""),
            _region(entry.get("region")),
            str(entry.get("sha256") or ""),
        )
        for entry in _entries(evidence.get("inputs"))
        if entry.get("key")
    }
    summary = _read_json(directory / "summary.json")
    return RunFolder(directory, rows, has_faces, summary, evidence, inputs)


def _entries(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _region(value: object) -> tuple[float, float, float, float] | None:
    if not isinstance(value, list) or len(value) != 4:
        return None
    if not all(isinstance(edge, int | float) and abs(edge) <= _LARGEST for edge in value):
        return None
    left, top, right, bottom = (float(edge) for edge in value)
    return left, top, right, bottom


def _read_table(file: Path) -> list[Row]:
    """The rows, each with a text for every column."""
    csv.field_size_limit(_LONGEST_CELL)
    try:
        reader = csv.DictReader(io.StringIO(read_text(file), newline=""), restkey="")
        if "image" not in (reader.fieldnames or ()):
            raise UsageError(f"{file} has no column `image`")
        return [{name: row[name] or "" for name in row if name} for row in reader]
    except (OSError, ValueError, csv.Error) as error:
        raise UsageError(f"{file} cannot be read: {one_line(error)}") from error


def _read_json(file: Path) -> dict[str, Any]:
    """The object in `file`; an empty one where there is none."""
    try:
        content = json.loads(read_text(file))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
