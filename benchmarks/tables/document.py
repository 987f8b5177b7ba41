"""A table of the paper as a frame, CSV, Markdown, LaTeX and JSON, with where it comes from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.atomic import write_text
from pipeline.evaluation.summary import Cell
from pipeline.report.formats import csv_rows, latex_table, markdown_blocks
from pipeline.report.tables import INTERVAL, Column, make_table

if TYPE_CHECKING:
    import pandas as pd

Rows = Sequence[Mapping[str, Cell]]


@dataclass(frozen=True, slots=True)
class Section:
    """Rows that may be ranked against each other: one set, one protocol."""

    title: str
    rows: tuple[Mapping[str, Cell], ...]
    columns: tuple[Column, ...]
    note: str = ""
    """What was counted and excluded."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table."""

    name: str
    title: str
    sections: tuple[Section, ...]
    notes: tuple[str, ...]
    origin: Mapping[str, object]
    missing: tuple[str, ...] = ()
    """What could not be measured, and what it needs; not empty: the command ends with 1."""

    def frame(self) -> pd.DataFrame:
        """Every figure at full precision, one row for each section and method."""
        import pandas as pd

        return pd.DataFrame(self.rows())

    def rows(self) -> list[dict[str, Cell]]:
        """The rows of all sections, their section's title in front."""
        rows = [{"section": s.title, **row} for s in self.sections for row in s.rows]
        names = list(dict.fromkeys(name for row in rows for name in row))
        return [{name: row.get(name) for name in names} for row in rows]

    def content(self) -> dict[str, Any]:
        """As the JSON file has it."""
        return {
            "table": self.name,
            "title": self.title,
            "origin": dict(self.origin),
            "notes": [*self.notes],
            "missing": [*self.missing],
            "sections": [
                {"title": s.title, "note": s.note, "rows": [dict(row) for row in s.rows]}
                for s in self.sections
            ],
        }

    def json(self) -> str:
        """Strict JSON."""
        return json.dumps(self.content(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def csv(self) -> str:
        """Provenance in lines that begin with #, then the rows (pandas: `comment="#"`)."""
        return "".join(f"# {line}\n" for line in self._origin()) + csv_rows(self.rows())

    def markdown(self) -> str:
        """A heading for each section, the oracles of each below a rule."""
        parts = [f"# {self.title}"]
        for section in self.sections:
            shown = markdown_blocks(make_table(section.rows, section.columns))
            parts += [f"## {section.title}", *shown, section.note]
        parts += [f"Missing: {line}" for line in self.missing]
        parts += [INTERVAL, *self.notes, "```\n" + "\n".join(self._origin()) + "\n```"]
        return "\n\n".join(part for part in parts if part) + "\n"

    def latex(self) -> str:
        """A `table` for each section."""
        comments = "".join(f"% {line}\n" for line in self._origin())
        tables = [
            latex_table(
                make_table(section.rows, section.columns),
                " ".join((f"{self.title}: {section.title}.", section.note, INTERVAL, *self.notes)),
            )
            for section in self.sections
        ]
        return comments + "\n".join(tables)

    def write(self, out: Path) -> None:
        """Write `NAME.csv`, `.md`, `.tex` and `.json` into `out`."""
        for suffix, text in (
            ("csv", self.csv()),
            ("md", self.markdown()),
            ("tex", self.latex()),
            ("json", self.json()),
        ):
            write_text(out / f"{self.name}.{suffix}", text)

    def _origin(self) -> list[str]:
        return [
            f"{name}: {value if isinstance(value, str) else json.dumps(value, sort_keys=True)}"
            for name, value in self.origin.items()
        ]
