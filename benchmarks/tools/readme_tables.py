"""Put the headline table into the README, its cells copied word for word from the published tables.

python -m benchmarks.tools.readme_tables README.md benchmarks/results
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from data.atomic import write_text
from data.errors import SrPipelineError
from pipeline.cli import main as run

METHODS: Final = ("bicubic", "srresnet", "srgan", "gflmser-nogate", "gflmser-gate", "gflmser")
"""The rows: the baseline, the two best rivals, addition and gate at one budget, the default."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the headline table, and where its cells stand."""

    title: str
    table: str
    """Name of the published table: `table4` for table4.md."""
    section: str
    """How the section's title begins."""
    source: str
    """The column's title in that section."""


COLUMNS: Final = (
    Column("Accuracy, crop 0.55", "table4", "robust: hog, 2 passes, crop 0.55", "Accuracy"),
    Column("Accuracy, crop 1", "table4", "robust: hog, 2 passes, crop 1,", "Accuracy"),
    Column("PSNR RGB, dB", "table1", "lfw-test", "PSNR RGB"),
    Column("LR consistency, dB", "table1", "lfw-test", "LR consist."),
    Column("CPU minutes", "table1", "lfw-test", "CPU min."),
)
_OPENING: Final = "<!-- headline -->"
_CLOSING: Final = "<!-- /headline -->"


def filled(readme: str, results: Path) -> str:
    """`readme` with the block between the headline's markers made anew from `results`.

    Raises SrPipelineError when a marker, a table, a section, a column or a row is not there.
    """
    before, opened, rest = readme.partition(_OPENING)
    _, closed, after = rest.partition(_CLOSING)
    if not opened or not closed:
        raise SrPipelineError(f"the README has no block {_OPENING} ... {_CLOSING}")
    return f"{before}{_OPENING}\n\n{headline(results)}\n\n{_CLOSING}{after}"


def headline(results: Path) -> str:
    """The headline table as Markdown. Raises SrPipelineError as `filled` does."""
    head = ["Method", *(column.title for column in COLUMNS)]
    rule = [":--", *("--:" for _ in COLUMNS)]
    cells = [[column_cells(results, column)[method] for column in COLUMNS] for method in METHODS]
    rows = [[method, *row] for method, row in zip(METHODS, cells, strict=True)]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, rule, *rows])


def column_cells(results: Path, column: Column) -> Mapping[str, str]:
    """Method -> the cell that the published table has for it, for every method of `METHODS`."""
    file = results / f"{column.table}.md"
    try:
        text = file.read_text("utf-8")
    except OSError as error:
        raise SrPipelineError(f"{file} cannot be read: {error}") from error
    rows = _rows(text, column.section)
    if column.source not in rows[0]:
        raise SrPipelineError(f"the section {column.section!r} has no column {column.source!r}")
    at = rows[0].index(column.source)
    cells = {row[0]: row[at] for row in rows[1:]}
    missing = [method for method in METHODS if method not in cells]
    if missing:
        raise SrPipelineError(f"the section {column.section!r} has no row {missing[0]!r}")
    return cells


def _rows(text: str, title: str) -> list[list[str]]:
    """Cells of the first table of the section whose title begins so; the header row first."""
    sections = [part for part in text.split("\n## ")[1:] if part.startswith(title)]
    if not sections:
        raise SrPipelineError(f"the table has no section {title!r}")
    lines = sections[0].partition("\n---\n")[0].splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("|")]
    return [row for row in rows if not row[0].startswith(":--")]


@click.command()
@click.argument("readme", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("results", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(readme: Path, results: Path) -> None:
    """Renew the headline table of README from the Markdown files in RESULTS."""
    write_text(readme, filled(readme.read_text("utf-8"), results))


if __name__ == "__main__":
    run(main)
