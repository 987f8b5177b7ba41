"""The files of a report, read back as their readers read them."""

import csv
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from PIL import Image

from data.errors import OutputError, UsageError
from data.images.rgb import RGB
from pipeline.commands.report import command
from pipeline.environment.provenance import NOTICE
from pipeline.report.contact_sheet import CELL, contact_sheet
from pipeline.report.data import Report, read_report, shown_images, typical_images
from pipeline.report.drawing import FOUND, TRUTH
from pipeline.report.formats import to_latex, to_markdown
from pipeline.report.page import page
from pipeline.report.plots import Drawn, Plot, ThemeName, plots, render, render_all
from pipeline.report.tables import table
from pipeline.report.write import write_report
from tests.pipeline.compare_folder import METHODS, ORACLE, make_compare_folder

FILES = {
    *("table.csv", "table.json", "table.md", "table.tex", "report.html", "contact_sheet.png"),
    *("plots/accuracy.png", "plots/iou.png", "plots/accuracy_by_size.png"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, samples: Path) -> Path:
    directory = make_compare_folder(tmp_path_factory.mktemp("compared"), samples)
    write_report(directory)
    return directory


@pytest.fixture
def fresh(tmp_path: Path, folder: Path) -> Path:
    return shutil.copytree(folder, tmp_path / "copy")


@pytest.fixture(scope="module")
def drawn(report: Report) -> Drawn:
    return render_all(report)


@pytest.fixture(scope="module")
def report(folder: Path) -> Report:
    return read_report(folder)


@pytest.fixture
def drawn_once(drawn: Drawn, monkeypatch: pytest.MonkeyPatch) -> None:
    """For what is not about the plots: they take most of a report's time."""
    monkeypatch.setattr("pipeline.report.write.render_all", lambda report: drawn)


def test_the_same_folder_gives_the_same_files(fresh: Path, folder: Path) -> None:
    written = write_report(fresh)
    assert {file.relative_to(fresh).as_posix() for file in written} == FILES
    assert not list(fresh.rglob(".part-*")), "temporary files are gone"
    for name in FILES:
        assert (fresh / name).read_bytes() == (folder / name).read_bytes(), name


def test_csv_and_json_hold_the_summary_at_full_precision(folder: Path) -> None:
    summary = json.loads((folder / "summary.json").read_text())
    content = json.loads((folder / "table.json").read_text(), parse_constant=pytest.fail)
    assert content["protocol"] == summary["protocol"]
    assert {r["method"]: r for r in content["rows"]} == {r["method"]: r for r in summary["rows"]}
    with (folder / "table.csv").open(newline="") as file:
        rows = {row["method"]: row for row in csv.DictReader(file)}
    for row in summary["rows"]:
        shown = rows[row["method"]]
        assert float(shown["psnr_rgb"]) == row["psnr_rgb"]
        assert shown["iou_all_lo"] == str(row["iou_all_lo"])
    assert rows[ORACLE]["images_per_s"] == "", "no figure is an empty cell"
    assert list(rows)[-1] == ORACLE


def test_best_is_marked_among_the_deployable_alone(report: Report) -> None:
    shown = table(report)
    titles = [column.key for column in shown.columns]
    best = {
        (row.method, key)
        for row in (*shown.deployable, *shown.oracle)
        for key, cell in zip(titles, row.cells, strict=True)
        if cell.best
    }
    assert ("bicubic", "psnr_rgb") in best
    assert ("bilinear", "psnr_rgb") not in best
    assert ("bilinear", "images_per_s") in best
    assert not [pair for pair in best if pair[0] == ORACLE], "the oracle has the best PSNR of all"
    assert not [pair for pair in best if pair[1] == "n"], "n is no merit"


def test_markdown_parts_the_oracle_by_a_rule(folder: Path) -> None:
    text = (folder / "table.md").read_text()
    above, below = text.split("\n---\n")
    assert "| bicubic |" in above
    assert ORACLE not in above
    assert f"| {ORACLE} (oracle) |" in below
    assert NOTICE in text
    assert "6 images, 5 with ground truth, 1 without it excluded" in text
    bicubic = next(line for line in above.splitlines() if line.startswith("| bicubic"))
    assert "**1.000** [1.000, 1.000]" in bicubic


@pytest.mark.parametrize(("truth", "said"), [("pseudo", True), ("faces.csv", False)])
def test_pseudo_ground_truth_is_said(report: Report, truth: str, said: bool) -> None:
    told = replace(report, protocol={**report.protocol, "ground_truth": truth})
    for text in (to_markdown(told), to_latex(told)):
        assert ("Pseudo ground truth" in text) is said


def test_markdown_is_a_table_that_pandas_reads(folder: Path) -> None:
    lines = [
        line for line in (folder / "table.md").read_text().splitlines() if line.startswith("|")
    ]
    widths = {line.count(" |") for line in lines}
    assert len(widths) == 1


def test_latex_is_balanced_and_escaped(folder: Path) -> None:
    text = (folder / "table.tex").read_text()
    body = text.split("\\begin{tabular}")[1].split("\\end{tabular}")[0]
    rows = [line for line in body.splitlines() if line.endswith("\\\\") and "&" in line]
    assert len({row.count(" & ") for row in rows}) == 1
    assert text.count("{") == text.count("}")
    for begin in ("table", "tabular"):
        assert text.count(f"\\begin{{{begin}}}") == text.count(f"\\end{{{begin}}}") == 1
    assert body.index("\\midrule", body.index("bicubic")) < body.index(ORACLE)
    assert f"{ORACLE} (oracle)" in body
    assert "\\textbf{" in body
    assert "95 \\% interval" in text
    assert "%" not in text.replace("\\%", "").replace("% needs", "").replace("}{%", "")


def test_sheet_has_a_column_for_each_view_and_enlarges_by_nearest(report: Report) -> None:
    sheet = np.asarray(contact_sheet(report))
    lr = report.image("lr", typical_images(report, 3)[0][1])
    assert lr is not None
    want = np.asarray(Image.open(lr)).repeat(CELL // 16, 0).repeat(CELL // 16, 1)
    top, left = next(_places(sheet, want))
    assert (sheet[top : top + CELL, left : left + CELL] == want).all()
    columns = len(METHODS) + 2
    assert sheet.shape[1] >= left + columns * CELL
    for colour in (FOUND, TRUTH):
        assert (sheet == np.array(colour)).all(axis=2).sum() > 500


def _places(sheet: RGB, part: RGB) -> Iterator[tuple[int, int]]:
    height, width = part.shape[:2]
    for y, x in zip(*np.nonzero((sheet == part[0, 0]).all(axis=2)), strict=True):
        if (sheet[y : y + height, x : x + width] == part).all():
            yield int(y), int(x)


def test_typical_images_are_best_middle_and_worst(report: Report) -> None:
    picked = typical_images(report, 1)
    assert [kind for kind, _ in picked] == ["best", "typical", "worst"]
    iou = report.rows[report.rows["method"].isin(["bicubic", "bilinear"])]
    mean = iou.groupby("image")["iou"].mean()
    values = [mean[key] for _, key in picked]
    assert values == sorted(values, reverse=True)
    assert values[0] == mean.max()
    assert len(typical_images(report, 3)) == 5, "few images: all that have ground truth"


def test_shown_images_are_chosen_by_the_seed(report: Report) -> None:
    assert report.seed == 3
    chosen = shown_images(report, 3)
    assert len(chosen) == 3
    assert chosen == shown_images(report, 3)
    assert list(chosen) == sorted(chosen)
    assert shown_images(report, 60) == report.images


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("plot", plots(), ids=lambda p: p.name)
def test_plots_depend_on_the_data(fresh: Path, drawn: Drawn, plot: Plot, theme: ThemeName) -> None:
    rows = pd.read_parquet(fresh / "rows.parquet")
    rows["found"] = rows["accurate"] = False
    rows.to_parquet(fresh / "rows.parquet")
    assert render(plot, read_report(fresh), theme) != drawn[plot.name, theme]


def test_page_is_one_file_and_escapes_what_users_named(folder: Path) -> None:
    text = (folder / "report.html").read_text()
    assert NOTICE in text
    assert "<script>alert(1)" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "000 <b>" not in text
    for outside in ("http:", "https:", '<link rel="stylesheet"', "@import", "url("):
        assert outside not in text


def test_page_says_how_many_images_it_shows(
    report: Report, drawn: Drawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.report.page.SHOWN", 2)
    text = page(report, drawn)
    assert "2 of 6 images, chosen at random with seed 3" in text
    assert text.count("<article") == 2


def test_missing_and_broken_images_leave_gaps(fresh: Path, drawn: Drawn) -> None:
    whole = (fresh / "report.html").read_text()
    shutil.rmtree(fresh / "pictures" / "bicubic")
    broken = next((fresh / "pictures" / "bilinear").rglob("*.png"))
    broken.write_bytes(b"not an image")
    text = page(read_report(fresh), drawn)
    for view, count in (("lr", 6), ("hr", 6), ("bilinear", 5), ("bicubic", 0)):
        assert whole.count(f'data-view="{view}"') == 6
        assert text.count(f'data-view="{view}"') == count
    sheet = contact_sheet(read_report(fresh))
    assert sheet.size == Image.open(fresh / "contact_sheet.png").size


@pytest.mark.usefixtures("drawn_once")
def test_no_images_at_all_is_still_a_report(fresh: Path) -> None:
    shutil.rmtree(fresh / "pictures")
    write_report(fresh)
    text = (fresh / "report.html").read_text()
    assert "The folder holds no images." in text
    assert "<article" not in text


def test_nothing_found_anywhere_is_still_a_report(fresh: Path) -> None:
    rows = pd.read_parquet(fresh / "rows.parquet")
    rows = rows.assign(truth=False, found=False, accurate=False, iou=np.nan, face_px=np.nan)
    rows.loc[0, "error"] = "cannot be read"
    rows.to_parquet(fresh / "rows.parquet")
    summary = json.loads((fresh / "summary.json").read_text())
    for row in summary["rows"]:
        row |= dict.fromkeys(("found", "accuracy", "iou_all", "iou_hit", "hr_found"))
    (fresh / "summary.json").write_text(json.dumps(summary))
    write_report(fresh)
    assert "cannot be read" in (fresh / "report.html").read_text()


def test_verification_columns_are_shown_where_there_are_any(fresh: Path) -> None:
    summary = json.loads((fresh / "summary.json").read_text())
    summary["rows"][0]["tar_at_far_1e-2"] = 0.4321
    (fresh / "summary.json").write_text(json.dumps(summary))
    text = to_markdown(read_report(fresh))
    assert "| TAR@1 % |" in text
    assert "| 0.432 |" in text
    assert "TAR@" not in (fresh / "table.md").read_text()


def test_images_are_found_without_the_output_column(fresh: Path) -> None:
    rows = pd.read_parquet(fresh / "rows.parquet").drop(columns="output")
    rows.to_parquet(fresh / "rows.parquet")
    report = read_report(fresh)
    assert all(report.image("bicubic", image) for image in report.images)


@pytest.mark.parametrize("key", ["../../secret.png", "/etc/secret.png", ""])
def test_images_outside_the_folder_are_never_read(fresh: Path, key: str) -> None:
    (fresh.parent / "secret.png").write_bytes(b"secret")
    (fresh / "pictures" / "lr").mkdir(exist_ok=True)
    assert read_report(fresh).image("lr", key) is None


BROKEN = {
    "no rows": ("rows.parquet", None, "holds no rows.parquet"),
    "no summary": ("summary.json", None, "holds no summary.json"),
    "text for rows": ("rows.parquet", "hello", "cannot be read"),
    "text for summary": ("summary.json", "hello", "is no summary"),
    "a list for summary": ("summary.json", "[]", "is no summary"),
    "no methods": ("summary.json", '{"protocol": {}, "rows": []}', "names no method"),
    "nameless": ("summary.json", '{"protocol": {}, "rows": [{}]}', "is no summary"),
}


@pytest.mark.parametrize(("name", "content", "message"), BROKEN.values(), ids=BROKEN)
def test_broken_folders_are_one_line(
    fresh: Path, name: str, content: str | None, message: str
) -> None:
    (fresh / name).unlink()
    if content is not None:
        (fresh / name).write_text(content)
    with pytest.raises(UsageError, match=message) as raised:
        write_report(fresh)
    assert "\n" not in str(raised.value)


def test_a_missing_column_is_named(fresh: Path) -> None:
    pd.read_parquet(fresh / "rows.parquet").drop(columns="iou").to_parquet(fresh / "rows.parquet")
    with pytest.raises(UsageError, match="lacks the column 'iou'"):
        write_report(fresh)


@pytest.mark.usefixtures("drawn_once")
def test_a_folder_in_the_way_of_a_file_is_one_line(fresh: Path) -> None:
    (fresh / "table.csv").unlink()
    (fresh / "table.csv" / "in the way").mkdir(parents=True)
    with pytest.raises(OutputError, match=r"table\.csv"):
        write_report(fresh)


@pytest.mark.usefixtures("drawn_once")
def test_command_prints_the_files(fresh: Path) -> None:
    plain = CliRunner().invoke(command, [str(fresh)])
    assert plain.exit_code == 0
    assert {Path(f).relative_to(fresh).as_posix() for f in plain.stdout.splitlines()} == FILES


def test_command_prints_json(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "pipeline.report.write.write_report", lambda directory: [directory / "a.csv"]
    )
    result = CliRunner().invoke(command, [str(fresh), "--json"])
    assert json.loads(result.stdout) == {"files": [str(fresh / "a.csv")]}


def test_command_help_has_an_example() -> None:
    assert "sr-pipeline report " in CliRunner().invoke(command, ["--help"]).stdout
