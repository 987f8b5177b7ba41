"""Put the headline sections of the published tables into the README, word for word.

python -m benchmarks.tools.readme_tables README.md benchmarks/results
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click

from data.atomic import write_text
from data.errors import SrPipelineError
from pipeline.cli import main as run

SHOWN: Final[Mapping[str, tuple[str, ...]]] = {
    "table4": ("robust: hog, 2 passes, crop 0.55", "robust: hog, 2 passes, crop 1"),
    "table1": ("lfw-test",),
}
"""Of each table the sections that the README shows, by how their titles begin."""
_TABLE: Final = ("|", "---", "**")
"""How lines of a table begin, and the rule and heading of its oracles."""


def filled(readme: str, results: Path) -> str:
    """`readme` with every block `<!-- NAME -->...<!-- /NAME -->` made anew from `results`.

    Raises SrPipelineError when a marker, a table or a section is not there.
    """
    for name, titles in SHOWN.items():
        opening, closing = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, found, rest = readme.partition(opening)
        _, ended, after = rest.partition(closing)
        if not found or not ended:
            raise SrPipelineError(f"the README has no block {opening} ... {closing}")
        try:
            table = (results / f"{name}.md").read_text("utf-8")
        except OSError as error:
            raise SrPipelineError(f"{results / name}.md cannot be read: {error}") from error
        blocks = "\n\n".join(section(table, title) for title in titles)
        readme = f"{before}{opening}\n\n{blocks}\n\n{closing}{after}"
    return readme


def section(table: str, title: str) -> str:
    """The heading, in bold, and the rows of the first section whose title begins so."""
    headings = [part for part in table.split("\n## ")[1:] if part.startswith(title)]
    if not headings:
        raise SrPipelineError(f"the table has no section {title!r}")
    heading, _, body = headings[0].partition("\n")
    kept = [line for line in body.splitlines() if not line or line.startswith(_TABLE)]
    rows = "\n".join(kept).strip()
    while "\n\n\n" in rows:
        rows = rows.replace("\n\n\n", "\n\n")
    return f"**{heading}**\n\n{rows}"


@click.command()
@click.argument("readme", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("results", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(readme: Path, results: Path) -> None:
    """Renew the tables of README from the Markdown files in RESULTS."""
    write_text(readme, filled(readme.read_text("utf-8"), results))


if __name__ == "__main__":
    run(main)
