"""The README shows what stands in benchmarks/results, and nothing else."""

from pathlib import Path

import pytest

from benchmarks.tools.readme_tables import COLUMNS, METHODS, Column, column_cells, filled
from data.errors import SrPipelineError

ROOT = Path(__file__).resolve().parents[3]
RESULTS = ROOT / "benchmarks" / "results"
BLOCK = "<!-- headline -->\n<!-- /headline -->"


def test_the_readme_shows_the_published_cells_word_for_word() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert filled(readme, RESULTS) == readme


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.title)
def test_each_cell_stands_in_a_row_of_the_published_table(column: Column) -> None:
    cells = column_cells(RESULTS, column)
    published = (RESULTS / f"{column.table}.md").read_text("utf-8")
    rows = [line for line in published.splitlines() if line.startswith("|")]
    for method in METHODS:
        assert any(line.startswith(f"| {method} |") and cells[method] in line for line in rows)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    table = tmp_path / f"{COLUMNS[0].table}.md"
    with pytest.raises(SrPipelineError, match="no block <!-- headline -->"):
        filled("# A product\n", RESULTS)
    with pytest.raises(SrPipelineError, match=f"{table.name} cannot be read"):
        filled(BLOCK, tmp_path)
    table.write_text("# A table\n\n## other\n\n| Method |\n", "utf-8")
    with pytest.raises(SrPipelineError, match="no section 'robust"):
        filled(BLOCK, tmp_path)
    table.write_text(f"# A table\n\n## {COLUMNS[0].section}\n\n| Method | n |\n", "utf-8")
    with pytest.raises(SrPipelineError, match="no column 'Accuracy'"):
        filled(BLOCK, tmp_path)
    text = f"# A table\n\n## {COLUMNS[0].section}\n\n| Method | Accuracy |\n| cubic | 1 |\n"
    table.write_text(text, "utf-8")
    with pytest.raises(SrPipelineError, match="no row 'bicubic'"):
        filled(BLOCK, tmp_path)
