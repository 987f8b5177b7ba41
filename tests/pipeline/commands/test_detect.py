"""`sr-pipeline detect` through its command line: files, contract, bad input, options."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from data.images.files import load_rgb
from pipeline.metrics.image_quality import lr_consistency
from tests.pipeline.conftest import Command, Run, full_disk

HOG = ("--detector", "hog", "--quiet")


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "detections.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_low_resolution_faces_are_found_and_written(
    run: Run, lr_folder: Path, tmp_path: Path
) -> None:
    done = run("detect", lr_folder, "--out", tmp_path, "--upscaler", "bicubic", *HOG)
    assert done.exit_code == 0, done.output
    found = rows(tmp_path)
    assert len({row["image"] for row in found}) == 10
    faces = [row for row in found if row["status"] == "one"]
    assert len(faces) >= 6
    for row in faces:
        left, top, right, bottom = (float(row[edge]) for edge in ("left", "top", "right", "bottom"))
        assert 0 <= left < right <= 16
        assert 0 <= top < bottom <= 16
        assert right - left > 6
        assert (row["upscaler"], row["scale"], row["passes"]) == ("bicubic", "4", "2")
        name = Path(row["image"])
        assert load_rgb(tmp_path / "sr" / name).shape == (64, 64, 3)
        assert load_rgb(tmp_path / "boxes" / name).shape[1] > 128
    empty = ["error", "identity", "distance", "threshold", "accepted", "face_px", "dori", "fp_rate"]
    empty += ["fp_per", "found_at", "landmarks", "turned", "grey", "dropped", "candidate"]
    parquet = pd.read_parquet(tmp_path / "detections.parquet")
    pd.testing.assert_frame_equal(
        parquet.drop(columns=empty),
        pd.read_csv(tmp_path / "detections.csv").drop(columns=empty),
        check_dtype=False,
    )
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["counts"]["images"] == 10
    assert summary["counts"]["passes"] == {"2": 10}
    assert {"command", "commit", "libraries", "version"} <= summary["provenance"].keys()
    assert "not evidence of identity" in done.output


def test_large_images_are_left_alone(run: Run, samples: Path, tmp_path: Path) -> None:
    done = run("detect", samples / "obama.jpg", "--out", tmp_path, "--json", *HOG)
    assert done.exit_code == 0
    assert json.loads(done.stdout)["counts"]["faces"] == 1
    (row,) = rows(tmp_path)
    assert (row["upscaler"], row["scale"], row["width"]) == ("none", "1", "480")
    assert row["fp_per"] == "frame"
    assert 0 < float(row["fp_rate"]) < 0.05
    assert not (tmp_path / "sr").exists()
    assert float(row["left"]) == pytest.approx(196, abs=8)


def test_boxes_of_a_manifest_region_are_in_the_whole_image(
    run: Run, samples: Path, tmp_path: Path
) -> None:
    shutil.copy(samples / "obama.jpg", tmp_path)
    (tmp_path / "list.csv").write_text("image,left,top,right,bottom\nobama.jpg,157,37,363,243\n")
    done = run("detect", tmp_path / "list.csv", "--out", tmp_path / "out", *HOG)
    assert done.exit_code == 0
    (row,) = rows(tmp_path / "out")
    assert float(row["left"]) == pytest.approx(196, abs=15)
    assert float(row["top"]) == pytest.approx(82, abs=15)


def test_padding_finds_a_face_that_fills_the_image(run: Run, samples: Path, tmp_path: Path) -> None:
    with Image.open(samples / "obama.jpg") as whole:
        face = whole.crop((211, 97, 310, 196)).resize((40, 40))
    face.save(tmp_path / "tight.png")
    # Bicubic: what is found without padding must not depend on the weights that ship.
    words = ("detect", tmp_path / "tight.png", "--upscaler", "bicubic", "--no-images", *HOG)
    assert run(*words, "--out", tmp_path / "a").exit_code == 0
    assert run(*words, "--out", tmp_path / "b", "--pad", "0.3").exit_code == 0
    assert rows(tmp_path / "a")[0]["status"] == "none"
    (row,) = rows(tmp_path / "b")
    assert row["status"] == "one"
    assert 0 <= float(row["left"]) < float(row["right"]) <= 40
    assert not (tmp_path / "b" / "boxes").exists()


@pytest.mark.parametrize(("wanted", "count"), [("all", 3), ("largest", 1), ("center", 1)])
def test_faces_can_be_chosen(
    run: Run, samples: Path, tmp_path: Path, wanted: str, count: int
) -> None:
    large = Image.open(samples / "obama.jpg").crop((130, 20, 390, 280))
    small = large.resize((180, 180))
    wide = Image.new("RGB", (620, 260), "grey")
    for x, image in ((0, small), (180, small), (360, large)):
        wide.paste(image, (x, 0))
    wide.save(tmp_path / "three.png")
    done = run("detect", tmp_path / "three.png", "--out", tmp_path / "o", "--faces", wanted, *HOG)
    assert done.exit_code == 0
    found = rows(tmp_path / "o")
    assert len(found) == count
    if wanted == "largest":
        assert float(found[0]["left"]) > 360
    if wanted == "center":
        assert 180 < float(found[0]["left"]) < 360


@pytest.fixture
def bad_folder(lr_folder: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "bad"
    shutil.copytree(lr_folder / "obama", folder / "one")
    shutil.copytree(lr_folder / "obama", folder / "two")
    content = (lr_folder / "obama" / "plain.png").read_bytes()
    (folder / "truncated.png").write_bytes(content[: len(content) // 2])
    (folder / "empty.jpg").touch()
    (folder / "text.jpg").write_text("no image")
    Image.new("RGB", (1, 1)).save(folder / "1x1.png")
    Image.new("1", (20_000, 20_000)).save(folder / "bomb.png")
    (folder / "loop.png").symlink_to(folder / "loop.png")
    (folder / "again").symlink_to(folder, target_is_directory=True)
    shutil.copy(lr_folder / "obama" / "plain.png", folder / ("ж" * 115 + ".png"))
    (folder / "broken.mp4").write_bytes(b"no video")
    return folder


def test_bad_images_are_error_rows_and_lose_nothing(
    run: Run, bad_folder: Path, tmp_path: Path
) -> None:
    done = run("detect", bad_folder, "--out", tmp_path / "o", "--quiet")
    assert done.exit_code == 1
    assert done.exception is None
    by_image = {row["image"]: row for row in rows(tmp_path / "o")}
    broken = {name for name, row in by_image.items() if row["status"] == "error"}
    expected = {"truncated.png", "empty.jpg", "text.jpg", "1x1.png", "bomb.png", "loop.png"}
    assert broken == expected | {"broken.mp4"}
    assert all(by_image[name]["error"] for name in broken)
    assert len(by_image) == len(broken) + 5
    assert all(name in done.output for name in broken)
    assert len(list((tmp_path / "o" / "boxes").rglob("*.png"))) == 5


def test_nothing_to_do_is_exit_code_2(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = run("detect", tmp_path / "empty", "--out", tmp_path / "o")
    assert done.exit_code == 2
    assert "no image found" in str(done.exception)
    assert ".png" in str(done.exception)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--upscaler", "bicubick"], "bicubic"),
        (["--detector", "yunet"], "yunet"),
        (["--device", "cuda:7", "--upscaler", "gflmser"], "CUDA"),
        (["--passes", "many"], "passes"),
        (["--identify", "nowhere"], "nowhere"),
    ],
    ids=["upscaler", "yunet", "device", "passes", "gallery"],
)
def test_usage_errors_are_one_line_and_exit_code_2(
    command: Command, lr_folder: Path, tmp_path: Path, words: list[str], says: str
) -> None:
    done = command("detect", lr_folder, "--out", tmp_path / "o", *words)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_an_output_folder_that_cannot_be_made_is_one_line(
    command: Command, lr_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    done = command("detect", lr_folder, "--out", tmp_path / "file" / "out")
    assert done.returncode == 2
    assert "cannot create" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="needs a read-only file system")
def test_a_read_only_output_folder_is_one_line(command: Command, lr_folder: Path) -> None:
    for folder in (Path("/sys/kernel"), Path("/sys/kernel/new")):
        done = command("detect", lr_folder, "--out", folder)
        assert done.returncode == 2
        assert str(folder) in done.stderr
        assert "Traceback" not in done.stderr


def test_a_full_disk_ends_with_one_line_and_keeps_the_rows(
    command: Command, lr_folder: Path, tmp_path: Path
) -> None:
    big = tmp_path / "in"
    shutil.copytree(lr_folder, big)
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (120, 120, 3), dtype=np.uint8)).save(
        big / "zz.png"
    )
    words = ("--out", tmp_path / "o", "--workers", 1, "--upscaler", "bicubic", *HOG)
    with full_disk(400_000):
        done = command("detect", big, *words)
    assert done.returncode == 2
    assert "cannot write" in done.stderr
    assert "Traceback" not in done.stderr
    assert rows(tmp_path / "o")


def test_identify_adds_the_closest_person(run: Run, samples: Path, tmp_path: Path) -> None:
    gallery = tmp_path / "gallery"
    for person, name in (("Joe Biden", "biden.jpg"), ("Barack Obama", "obama.jpg")):
        (gallery / person).mkdir(parents=True)
        shutil.copy(samples / name, gallery / person)
    out = tmp_path / "o"
    done = run("detect", samples / "biden2.jpg", "--out", out, "--identify", gallery, *HOG)
    assert done.exit_code == 0, done.exception
    (row,) = rows(out)
    assert row["identity"] == "Joe Biden"
    assert float(row["distance"]) < 0.6


def test_a_manifest_with_a_missing_column_or_a_box_outside_is_told(
    run: Run, samples: Path, tmp_path: Path
) -> None:
    shutil.copy(samples / "obama.jpg", tmp_path)
    (tmp_path / "no_column.csv").write_text("file\nobama.jpg\n")
    done = run("detect", tmp_path / "no_column.csv", "--out", tmp_path / "a", "--quiet")
    assert done.exit_code == 2
    assert "no column `image`" in str(done.exception)
    (tmp_path / "outside.csv").write_text(
        "image,left,top,right,bottom\nobama.jpg,157,37,363,243\nobama.jpg,490,400,500,500\n"
    )
    done = run("detect", tmp_path / "outside.csv", "--out", tmp_path / "b", "--quiet")
    assert done.exit_code == 1
    first, second = rows(tmp_path / "b")
    assert first["status"] == "one"
    assert "480x600" in second["error"]


def test_consistent_images_give_their_input_again(
    run: Run, lr_folder: Path, tmp_path: Path
) -> None:
    words = ("--upscaler", "gflmser", "--consistent", "--quiet")
    done = run("upscale", lr_folder, "--out", tmp_path / "up", *words)
    assert done.exit_code == 0, done.output
    done = run("detect", lr_folder, "--out", tmp_path / "found", "--detector", "hog", *words)
    assert done.exit_code == 0, done.output
    for made in (tmp_path / "up").rglob("*.png"):
        name = made.relative_to(tmp_path / "up")
        assert lr_consistency(load_rgb(made), load_rgb(lr_folder / name)) > 48
        assert (load_rgb(made) == load_rgb(tmp_path / "found" / "sr" / name)).all()


def test_thresholds_are_not_used_for_images_that_they_were_not_calibrated_for(
    run: Run, lr_folder: Path, samples: Path, tmp_path: Path
) -> None:
    (tmp_path / "gallery" / "Joe Biden").mkdir(parents=True)
    shutil.copy(samples / "biden.jpg", tmp_path / "gallery" / "Joe Biden")
    words = ("--identify", tmp_path / "gallery", "--consistent", "--quiet")
    done = run("detect", lr_folder, "--out", tmp_path / "o", *words)
    assert done.exit_code == 2
    assert "without --consistent" in str(done.exception)
