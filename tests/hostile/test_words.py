"""What is said where something is odd: true, on one line, and of help."""

import errno
import io
import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.methods import absent_rivals, find_entrants
from data.errors import TruthError
from pipeline.engine.journal import Journal
from pipeline.environment.words import counted
from pipeline.evaluation.pairs import Pairs
from pipeline.failures import USAGE, exit_code_of
from pipeline.inputs.sources import Listing
from pipeline.jobs.detect import NOT_RESTORED
from pipeline.report.data import read_report
from pipeline.report.drawing import side_by_side
from pipeline.report.formats import to_latex, to_markdown
from pipeline.report.page import page
from tests.hostile.conftest import Run
from tests.hostile.test_failures import SCRIPT
from tests.pipeline.compare_folder import make_compare_folder


def test_an_image_that_was_left_alone_is_not_called_restored(
    run: Run, samples: Path, tmp_path: Path
) -> None:
    with Image.open(samples / "obama.jpg") as opened:
        rgb = np.asarray(opened.convert("RGB").crop((150, 40, 350, 240)))
    Image.fromarray(rgb).save(tmp_path / "x.png")
    words = ("--detector", "hog", "--passes", 0, "--upscale-below", 64, "--upscaler", "bicubic")
    done = run("detect", tmp_path / "x.png", "--out", tmp_path / "out", *words, "--workers", 0)
    assert done.exit_code == 0, done.exception
    assert not (tmp_path / "out" / "sr").exists()
    with Image.open(tmp_path / "out" / "boxes" / "x.png") as opened:
        sheet = np.asarray(opened.convert("RGB"))
    honest = side_by_side(rgb, rgb, captions=("input", NOT_RESTORED))
    strip = slice(-20, None)
    assert np.array_equal(sheet[strip], honest[strip])
    assert not np.array_equal(sheet[strip], side_by_side(rgb, rgb)[strip])


@pytest.mark.parametrize(
    "header", ["image;left;top;right;bottom", "Image\tleft\ttop\tright\tbottom", " IMAGE , left"]
)
def test_manifests_of_spreadsheets_are_read(tmp_path: Path, header: str) -> None:
    separator = next(mark for mark in ";\t," if mark in header)
    row = separator.join(("a.png", "1", "2", "30", "40")[: len(header.split(separator))])
    (tmp_path / "list.csv").write_bytes(f"\ufeff{header}\r\n{row}\r\n".encode())
    (source,) = Listing((str(tmp_path / "list.csv"),)).unopened()
    assert source.key == "a.png"


def test_a_manifest_without_images_says_which_columns_it_has(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("file,x\na.png,1\n")
    with pytest.raises(TruthError, match="no column `image`; its columns are 'file', 'x'"):
        list(Listing((str(tmp_path / "list.csv"),)))


def test_pairs_with_a_header_alone_say_so(tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text("a,b,same\n")
    with pytest.raises(TruthError, match="and no pair"):
        Pairs.read(tmp_path / "pairs.csv")


def test_rivals_that_were_not_asked_for_are_not_said_to_be_missing() -> None:
    said = absent_rivals(find_entrants(["bicubic"]))
    assert said.startswith("Not asked for, or without weights, so no row: ")


def test_earlier_results_in_a_folder_are_left_out_with_one_line(
    run: Run, photos: Path, caplog: pytest.LogCaptureFixture
) -> None:
    words = ("--quiet", "--workers", 0)
    assert run("degrade", photos, "--out", photos / "one", *words).exit_code == 0
    caplog.clear()
    done = run("degrade", photos, "--out", photos.parent / "two", *words)
    assert "3 images" in done.stdout
    assert caplog.text.count("left out, results of an earlier run") == 1


def test_the_tables_of_an_interrupted_comparison_say_so(samples: Path, tmp_path: Path) -> None:
    make_compare_folder(tmp_path, samples, images=2)
    content = json.loads((tmp_path / "summary.json").read_text())
    content["protocol"] |= {"interrupted": True, "images": 2, "expected": 6}
    (tmp_path / "summary.json").write_text(json.dumps(content))
    report = read_report(tmp_path)
    said = "INTERRUPTED: 2 of 6 images done; --resume goes on."
    assert to_markdown(report).startswith(f"**{said}**")
    assert said in to_latex(report)
    assert said in page(report, defaultdict(bytes))


INTERRUPTED_EARLY = """
import threading, time
from pipeline.inputs.sources import Listing
def interrupted(self):
    raise KeyboardInterrupt
Listing.unopened = interrupted
threading.Thread(target=time.sleep, args=(3600,)).start()  # imports a library, say
"""


def test_an_interrupted_command_waits_for_no_thread_and_does_not_abort(photos: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-c", INTERRUPTED_EARLY + SCRIPT, "degrade", photos),
            *("--out", photos.parent / "out"),
        ],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 130
    assert done.stderr.decode().strip().endswith("sr-pipeline: interrupted")


def test_one_is_singular() -> None:
    assert (counted(1, "image"), counted(2000, "image")) == ("1 image", "2,000 images")


def test_a_broken_pipe_of_somebody_else_is_not_a_closed_stdout(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert exit_code_of(BrokenPipeError(errno.EPIPE, "Broken pipe"), debug=False) == USAGE
    assert "Broken pipe" in capsys.readouterr().err


def test_a_locked_folder_says_that_another_run_writes_there(tmp_path: Path) -> None:
    with Journal(tmp_path, {}), pytest.raises(Exception, match="another run writes"):
        Journal(tmp_path, {})


def test_warnings_of_pillow_name_nothing_on_stderr(
    run: Run, tmp_path: Path, face: Image.Image, capfd: pytest.CaptureFixture[str]
) -> None:
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 1
    face.save(file, "TIFF", exif=exif)
    (tmp_path / "in").mkdir()
    content = file.getvalue()
    for at in range(8, len(content), 97):
        (tmp_path / "in" / f"{at}.tif").write_bytes(content[:at] + b"\xff" + content[at + 1 :])
    words = ("--out", tmp_path / "out", "--workers", 0, "--quiet", "--upscaler", "bicubic")
    done = run("upscale", tmp_path / "in", *words)
    assert "PIL" not in done.stderr
    assert "PIL" not in capfd.readouterr().err
