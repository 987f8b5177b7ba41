"""`sr-pipeline compare`: the table's contract, its figures by hand, pairs, truth, resume."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from data.boxes import Box, iou
from data.images.files import load_rgb
from pipeline.detection.registry import load_detector
from pipeline.engine.run import RunResult
from pipeline.jobs.compare_to_folder import CompareRun
from pipeline.metrics.image_quality import psnr_rgb
from tests.pipeline.conftest import Run

METHODS = ("bicubic", "nearest")


@pytest.fixture(scope="module")
def compared(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from click.testing import CliRunner

    from pipeline.cli import cli

    folder = tmp_path_factory.mktemp("compare")
    shutil.copytree(samples, folder / "in")
    (folder / "in" / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    with (folder / "in" / "faces.csv").open("a") as file:
        file.write("broken.jpg,0,0,10,10,\n")
    pairs = "a,b,same\nbiden.jpg,biden2.jpg,1\nbiden2.jpg,biden.jpg,1\nobama.jpg,biden2.jpg,0\n"
    pairs += "obama.jpg,biden.jpg,0\nsolvay16.png,solvay18.png,0\nbroken.jpg,obama.jpg,0\n"
    (folder / "pairs.csv").write_text(pairs)
    words = ["compare", folder / "in" / "faces.csv", "--out", folder / "out", "--quiet", "--json"]
    words += ["--upscalers", ",".join(METHODS), "--pairs", folder / "pairs.csv"]
    done = CliRunner().invoke(cli, [str(word) for word in words], standalone_mode=False)
    assert done.exception is None, done.exception
    assert done.return_value == 1
    (folder / "stdout.json").write_text(done.stdout)
    return folder


def test_the_json_keeps_the_contract(compared: Path) -> None:
    content = json.loads((compared / "stdout.json").read_text())
    assert content["protocol"]["passes"] == 2
    assert content["protocol"]["ground_truth"] == "pseudo"
    assert [row["method"] for row in content["rows"]] == list(METHODS)
    metrics = {"found", "accuracy", "iou_all", "iou_hit", "psnr_rgb", "psnr_y", "ssim"}
    for row in content["rows"]:
        assert row["oracle"] is False
        assert (row["n"], row["n_images"], row["n_errors"]) == (5, 6, 1)
        assert row["hr_found"] == 1.0
        assert row["images_per_s"] > 0
        for metric in metrics | {"lr_consistency", "hr_found"}:
            assert {metric, f"{metric}_lo", f"{metric}_hi"} <= row.keys()
        assert {"tar_at_far_1e-2", "tar_at_far_1e-3", "verification_accuracy"} <= row.keys()


def test_the_figures_are_those_of_the_written_images(compared: Path) -> None:
    rows = pd.read_parquet(compared / "out" / "rows.parquet")
    images = compared / "out" / "pictures"
    hog = load_detector("hog")
    for row in rows[(rows["method"] == "bicubic") & (rows["error"] == "")].itertuples():
        hr, sr, lr = (load_rgb(images / kind / row.output) for kind in ("hr", "bicubic", "lr"))
        expected = Image.fromarray(lr).resize((64, 64), Image.Resampling.BICUBIC)
        assert np.array_equal(sr, np.asarray(expected))
        assert row.psnr_rgb == pytest.approx(psnr_rgb(sr, hr))
        truth = max((face.box for face in hog(hr, 2)), key=lambda box: box.area)
        own = Box(row.truth_left, row.truth_top, row.truth_right, row.truth_bottom)
        assert own == truth
        best = max((iou(face.box, truth) for face in hog(sr, 2)), default=0.0)
        assert row.iou == pytest.approx(best)
        assert row.accurate == (best >= 0.5)
    summary = json.loads((compared / "out" / "summary.json").read_text())
    bicubic = rows[(rows["method"] == "bicubic") & (rows["error"] == "")]
    assert summary["rows"][0]["psnr_rgb"] == pytest.approx(bicubic["psnr_rgb"].mean())
    assert summary["rows"][0]["accuracy"] == pytest.approx(bicubic["accurate"].mean())


def test_the_folder_of_images_that_is_told_is_there(compared: Path) -> None:
    result = RunResult(images=1, failed=0, new_images=1, seconds=1.0, interrupted=False)
    told = CompareRun(compared / "out", result, {}, []).where()
    assert Path(told.rpartition("images: ")[2]).is_dir()


def test_every_file_of_the_report_is_there(compared: Path) -> None:
    names = {path.name for path in (compared / "out").iterdir()}
    tables = {"table.csv", "table.json", "table.md", "table.tex", "rows.parquet", "summary.json"}
    assert tables | {"contact_sheet.png", "plots", "report.html"} <= names
    assert "not evidence of identity" in (compared / "out" / "report.html").read_text()


def test_annotations_replace_the_pseudo_ground_truth(
    run: Run, samples: Path, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    for name in ("obama.jpg", "biden2.jpg"):
        shutil.copy(samples / name, tmp_path / "in")
    truth = tmp_path / "truth.csv"
    truth.write_text("image,left,top,right,bottom\nobama.jpg,196,82,325,211\n")
    done = run(
        *("compare", tmp_path / "in", "--out", tmp_path / "out", "--quiet", "--json"),
        *("--truth", truth, "--upscalers", "bicubic"),
    )
    assert done.exit_code == 0, done.exception
    (row,) = json.loads(done.stdout)["rows"]
    assert (row["n"], row["n_excluded"]) == (1, 1)
    rows = pd.read_parquet(tmp_path / "out" / "rows.parquet").set_index(["image", "method"])
    hr = rows.loc[("obama.jpg", "hr")]
    # The image is 480x600: its middle square begins 60 px down and is reduced 7.5 times.
    assert hr["truth_left"] == pytest.approx(196 * 64 / 480)
    assert hr["truth_top"] == pytest.approx((82 - 60) * 64 / 480)
    assert hr["iou"] > 0.5


def test_a_finished_comparison_is_not_computed_again(
    run: Run, samples: Path, tmp_path: Path
) -> None:
    words = ("compare", samples / "obama.jpg", "--out", tmp_path, "--quiet", "--json")
    words += ("--upscalers", "bicubic,nearest")
    first = json.loads(run(*words).stdout)
    again = json.loads(run(*words, "--resume").stdout)
    speed = {"images_per_s": 0}
    assert [row | speed for row in first["rows"]] == [row | speed for row in again["rows"]]
    assert again["protocol"]["new_images"] == 0 < first["protocol"]["new_images"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--upscalers", ","], "names no upscaler"),
        (["--upscalers", "bicubic,hr"], "hr"),
        (["--pairs", "bad.csv"], "lacks the column"),
        (["--truth", "bad.csv"], "bad.csv"),
    ],
    ids=["no upscaler", "unknown", "pairs", "truth"],
)
def test_usage_errors(
    run: Run,
    samples: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.csv").write_text("x,y\n1,2\n")
    done = run("compare", samples / "obama.jpg", "--out", tmp_path / "out", *words)
    assert done.exit_code == 2
    assert says in str(done.exception)
