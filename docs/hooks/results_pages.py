"""The published tables as pages, word for word."""

from __future__ import annotations

from pathlib import Path

_INTRO = """# Results

These pages are copies of the Markdown files in `benchmarks/results`. Each table stands there as
CSV, JSON and LaTeX too, with command, data, commit and library versions.
[Reproduce a table](../how-to/reproduce-a-table.md) tells how to make them again.
[How to read a report](../explanation/reading-a-report.md) explains the columns.

Rows of an oracle have seen the ground truth. They are never ranked with the others.

| page | formats |
| --- | --- |
"""


def results_pages(folder: Path) -> dict[str, str]:
    """Page address -> Markdown, for each `NAME.md` of `folder`, and an index of them."""
    pages: dict[str, str] = {}
    rows = []
    for file in sorted(folder.glob("*.md")):
        text = file.read_text("utf-8")
        title, text = _titled(text, file.stem)
        pages[f"results/{file.stem}.md"] = text
        formats = [f"`{other.name}`" for other in sorted(folder.glob(f"{file.stem}.*"))]
        rows.append(f"| [{title}]({file.name}) | {', '.join(formats)} |")
    pages["results/index.md"] = _INTRO + "\n".join(rows) + "\n"
    return pages


def _titled(text: str, stem: str) -> tuple[str, str]:
    """The page's title, and its text with one."""
    first = text.lstrip().splitlines()[0] if text.strip() else ""
    if first.startswith("# "):
        return first[2:].strip(), text
    title = stem.replace("_", " ").capitalize()
    return title, f"# {title}\n\n{text}"
