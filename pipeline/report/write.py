"""The report of a comparison: tables, contact sheet, plots, one page; each file written whole."""

from pathlib import Path

from data.atomic import whole_file, write_text
from pipeline.report.contact_sheet import contact_sheet
from pipeline.report.data import read_report
from pipeline.report.formats import to_csv, to_json, to_latex, to_markdown
from pipeline.report.page import page
from pipeline.report.plots import plots, render_all


def write_report(directory: Path) -> list[Path]:
    """Write the report of a folder that `compare` wrote into that folder; return its files.

    table.csv, table.json, table.md, table.tex, contact_sheet.png, plots/*.png and report.html.
    The same folder gives the same files. An image that is missing leaves a gap. Raises
    `UsageError` when rows.parquet or summary.json cannot be used, `OutputError` when the folder
    cannot be written. A file of an earlier report is then either the old or the new one, whole.
    """
    report = read_report(directory)
    drawn = render_all(report)
    written = []
    for name, text in (
        ("table.csv", to_csv(report)),
        ("table.json", to_json(report)),
        ("table.md", to_markdown(report)),
        ("table.tex", to_latex(report)),
        ("report.html", page(report, drawn)),
    ):
        write_text(directory / name, text)
        written.append(directory / name)
    with whole_file(directory / "contact_sheet.png") as temporary:
        contact_sheet(report).save(temporary, "PNG")
    written.append(directory / "contact_sheet.png")
    for plot in plots():
        file = directory / "plots" / f"{plot.name}.png"
        with whole_file(file) as temporary:
            temporary.write_bytes(drawn[plot.name, "light"])
        written.append(file)
    return written
