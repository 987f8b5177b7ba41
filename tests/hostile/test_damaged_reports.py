"""`report` of folders that are damaged or of somebody else: one line, or a page with gaps."""

import json
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from data.errors import UsageError
from data.safe_text import printable
from pipeline.report.contact_sheet import contact_sheet
from pipeline.report.data import read_report, shown_images
from pipeline.report.page import page
from pipeline.report.run_page.write import write_run_page
from tests.fuzz.reports import run_folder_files
from tests.hostile.conftest import Run
from tests.pipeline.compare_folder import make_compare_folder


@pytest.fixture(scope="module")
def whole(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_compare_folder(tmp_path_factory.mktemp("compared"), samples, images=2)


@pytest.fixture
def compared(whole: Path, tmp_path: Path) -> Path:
    shutil.copytree(whole, tmp_path / "compared")
    return tmp_path / "compared"


def with_summary(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        content = json.loads((folder / "summary.json").read_text())
        change(content)
        (folder / "summary.json").write_text(json.dumps(content))

    return damage


def with_rows(**columns: object) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        rows = pd.read_parquet(folder / "rows.parquet")
        for name, value in columns.items():
            rows[name] = [value] * len(rows)
        rows.to_parquet(folder / "rows.parquet")

    return damage


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "deep": (lambda f: (f / "summary.json").write_text("[" * 100_000), "nested too deeply"),
    "NaN": (with_summary(lambda s: s["rows"][0].update(found=float("nan"))), "NaN is no figure"),
    "infinite": (
        lambda f: (f / "summary.json").write_text(
            '{"protocol": {}, "rows": [{"method": "a", "found": 1e400}]}'
        ),
        "found of a is no figure",
    ),
    "list": (with_summary(lambda s: s["rows"][0].update(found=[1])), "found of .* is no figure"),
    "no rows": (with_summary(lambda s: s.update(rows=[])), "names no method"),
    "method": (with_summary(lambda s: s["rows"][0].update(method="../../x")), "name"),
    "no table": (lambda f: (f / "rows.parquet").unlink(), "holds no rows.parquet"),
    "no parquet": (lambda f: (f / "rows.parquet").write_bytes(b"PAR1x"), "cannot be read"),
    "no column": (lambda f: pd.DataFrame().to_parquet(f / "rows.parquet"), "lacks the column"),
    "iou": (with_rows(iou="x"), "iou is not a number everywhere"),
    "swapped": (with_rows(left=9.0, right=1.0), "the corners of a box are swapped"),
    "null image": (with_rows(image=None), "image is not text everywhere"),
    "image": (with_rows(image=5), "image is not text everywhere"),
    "output": (with_rows(output=5), "output is not text everywhere"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_compare_folder_is_one_line(run: Run, compared: Path, kind: str) -> None:
    damage, says = DAMAGE[kind]
    damage(compared)
    before = sorted(compared.iterdir())
    with pytest.raises(UsageError, match=says) as caught:
        read_report(compared)
    assert printable(str(caught.value)) == str(caught.value)
    assert run("report", compared).exit_code == 2
    assert sorted(compared.iterdir()) == before


def test_a_negative_seed_and_a_lost_column_of_boxes_still_make_a_page(compared: Path) -> None:
    with_summary(lambda s: s["protocol"].update(seed=-5))(compared)
    with_rows(truth_left=None, truth_top=None, truth_right=None, truth_bottom=None)(compared)
    report = read_report(compared)
    assert len(shown_images(report, 1)) == 1
    assert "<html" in page(report, Plots())


class Plots(dict[tuple[str, str], bytes]):
    """No plot is drawn: that takes seconds, and reads the same frame."""

    def __missing__(self, key: tuple[str, str]) -> bytes:
        return b""


def test_an_image_of_a_compare_folder_starts_no_ghostscript(
    compared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gs = tmp_path / "bin" / "gs"
    gs.parent.mkdir()
    gs.write_text(f"#!/bin/sh\ntouch {tmp_path / 'ran'}\n")
    gs.chmod(gs.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{gs.parent}:{os.environ['PATH']}")
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 40 40\n%%EndComments\nshowpage\n%%EOF\n"
    for file in (compared / "pictures").rglob("*.png"):
        file.write_bytes(eps + b"%" * 300_000)  # so large that the page would reduce it
    assert "<html" in page(read_report(compared), Plots())
    assert contact_sheet(read_report(compared)).width > 0
    assert not (tmp_path / "ran").exists()


@pytest.fixture
def found(tmp_path: Path) -> Path:
    for name, content in run_folder_files().items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path


EVIDENCE = {
    "deep": "[" * 100_000,
    "no list": '{"inputs": 5}',
    "no object": '{"inputs": [5, null, {"key": "a.png", "region": ["x", 1, 2, 3]}]}',
    "long name": json.dumps(
        {"inputs": [{"key": "a.png", "path": "9" * 5000, "output": "x" * 300}]}
    ),
    "NUL": json.dumps({"inputs": [{"key": "a.png", "path": "a\0b", "region": [0, 0, 1e300, 2]}]}),
}


@pytest.mark.parametrize("kind", EVIDENCE)
def test_a_page_is_written_whatever_evidence_and_summary_hold(found: Path, kind: str) -> None:
    for name in ("evidence.json", "summary.json"):
        (found / name).write_text(EVIDENCE[kind])
    (written,) = write_run_page(found)
    assert "a.png" in written.read_text("utf-8")


@pytest.mark.parametrize(
    ("table", "says"),
    [("", "no column"), ("face\n1\n", "no column"), ("image\n\xff", "utf-8"), ("image\n\0", "")],
    ids=["empty", "column", "bytes", "NUL"],
)
def test_a_damaged_table_of_faces_is_one_line(run: Run, found: Path, table: str, says: str) -> None:
    (found / "detections.csv").write_bytes(table.encode("latin-1"))
    done = run("report", found)
    if done.exit_code == 2:
        assert says in str(done.exception)
        assert printable(str(done.exception)) == str(done.exception)
    else:
        assert done.exit_code == 0, done.exception


def test_lines_that_are_short_long_or_nameless_are_cards(found: Path) -> None:
    (found / "detections.csv").write_text("image,status,face\n\nb.png\n,one,0\nc.png,one,0,4,5,6\n")
    (written,) = write_run_page(found)
    assert "c.png" in written.read_text("utf-8")


def test_a_damaged_evidence_is_not_replayed_nor_printed(run: Run, found: Path) -> None:
    for text in EVIDENCE.values():
        (found / "evidence.json").write_text(text)
        for words in (("replay", found), ("report", found, "--pdf")):
            done = run(*words)
            assert isinstance(done.exception, UsageError)
            assert printable(str(done.exception)) == str(done.exception)
