"""The table of a report as CSV, JSON, Markdown and LaTeX."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Final

from pipeline.environment.provenance import NOTICE
from pipeline.evaluation.summary import Cell
from pipeline.report.data import Report
from pipeline.report.tables import INTERVAL, ORACLE, Column, Table, TableRow, counts, table


def to_csv(report: Report) -> str:
    """Every column of the summary at full precision; an empty cell where there is no figure."""
    return csv_rows(report.summary)


def csv_rows(rows: Sequence[Mapping[str, Cell]]) -> str:
    """Rows as CSV with the columns of all of them."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def to_json(report: Report) -> str:
    """Protocol and rows at full precision, as `compare --json` prints them."""
    content = {"protocol": report.protocol, "rows": report.summary}
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_markdown(report: Report) -> str:
    """The table for a README; oracle methods in a second one, below a rule."""
    parts = markdown_blocks(table(report))
    if report.interruption:
        parts.insert(0, f"**{report.interruption}**")
    return "\n\n".join([*parts, counts(report), INTERVAL, f"**{NOTICE}**"]) + "\n"


def markdown_blocks(shown: Table) -> list[str]:
    """Paragraphs of a table: the deployable block, and below a rule the oracles."""
    parts = [_markdown_block(shown.columns, shown.deployable)] if shown.deployable else []
    if shown.oracle:
        parts += ["---", f"**{ORACLE}**", _markdown_block(shown.columns, shown.oracle)]
    return parts


def to_latex(report: Report) -> str:
    """The table for a paper; it needs the packages booktabs and graphicx."""
    caption = f"{report.interruption} {counts(report)} {INTERVAL} {NOTICE}".strip()
    return latex_table(table(report), caption)


def latex_table(shown: Table, caption: str) -> str:
    """A table with plain text as its caption."""
    width = len(shown.columns) + 1
    lines = [
        "% needs \\usepackage{booktabs,graphicx}",
        "\\begin{table}",
        "\\centering",
        f"\\caption{{{_tex(caption)}}}",
        "\\resizebox{\\linewidth}{!}{%",
        f"\\begin{{tabular}}{{l{'r' * (width - 1)}}}",
        "\\toprule",
        " & ".join(["Method", *(_tex(c.title) for c in shown.columns)]) + " \\\\",
    ]
    for rows in (shown.deployable, shown.oracle):
        if rows:
            lines.append("\\midrule")
        if rows and rows[0].oracle:
            lines.append(f"\\multicolumn{{{width}}}{{l}}{{\\emph{{{_tex(ORACLE)}}}}} \\\\")
        lines += [_latex_row(row) for row in rows]
    lines += ["\\bottomrule", "\\end{tabular}}", "\\end{table}"]
    return "\n".join(lines) + "\n"


def _markdown_block(columns: Sequence[Column], rows: Sequence[TableRow]) -> str:
    lines = [
        "| Method | " + " | ".join(c.title for c in columns) + " |",
        "| :-- |" + " --: |" * len(columns),
    ]
    for row in rows:
        name = row.method.replace("|", "\\|") + (" (oracle)" if row.oracle else "")
        cells = [
            (f"**{cell.text}**" if cell.best else cell.text)
            + (f" [{cell.interval}]" if cell.interval else "")
            for cell in row.cells
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _latex_row(row: TableRow) -> str:
    cells = [_tex(row.method) + (" (oracle)" if row.oracle else "")]
    for cell in row.cells:
        text = _tex(cell.text)
        if cell.best:
            text = f"\\textbf{{{text}}}"
        if cell.interval:
            text += f" {{\\scriptsize [{_tex(cell.interval)}]}}"
        cells.append(text)
    return " & ".join(cells) + " \\\\"


_TEX: Final = {
    **{c: f"\\{c}" for c in "&%$#_{}"},
    "\\": "\\textbackslash{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    "–": "--",
    "≥": "$\\geq$",
}


def _tex(text: str) -> str:
    return "".join(_TEX.get(c, c) for c in text)
