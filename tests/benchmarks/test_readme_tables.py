"""The README shows what stands in benchmarks/results, and nothing else."""

from pathlib import Path

import pytest

from benchmarks.tools.readme_tables import SHOWN, filled, section
from data.errors import SrPipelineError

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results"

TABLE = """# Table

## one, 3 pictures

| method | PSNR |
| --- | --: |
| bicubic | 20 |



---

**Oracles**

| method | PSNR |
| --- | --: |
| a-oracle | 30 |

A note.

## two

| method |
"""


def test_the_readme_shows_the_published_tables_word_for_word() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert filled(readme, RESULTS) == readme


def test_a_section_is_its_heading_and_its_rows() -> None:
    assert section(TABLE, "one") == (
        "**one, 3 pictures**\n\n| method | PSNR |\n| --- | --: |\n| bicubic | 20 |\n\n"
        "---\n\n**Oracles**\n\n| method | PSNR |\n| --- | --: |\n| a-oracle | 30 |"
    )
    with pytest.raises(SrPipelineError, match="no section 'three'"):
        section(TABLE, "three")


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    name = next(iter(SHOWN))
    with pytest.raises(SrPipelineError, match=f"no block <!-- {name} -->"):
        filled("# A product\n", RESULTS)
    with pytest.raises(SrPipelineError, match=f"{name}.md cannot be read"):
        filled(f"<!-- {name} --><!-- /{name} -->", tmp_path)
