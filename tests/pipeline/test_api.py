"""The Python API: public names, inputs of every kind, and the same faces as the command line."""

from __future__ import annotations

import doctest
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import sr_pipeline as sr
from pipeline import api
from tests.pipeline.conftest import Run

NAMES = {
    *("load_image", "detect", "upscale", "degrade", "identify", "evaluate", "compare"),
    *("draw_faces", "to_frame", "load_upscaler", "load_detector", "upscaler_names"),
    "detect_to_folder",
    *("Gallery", "Box", "Face", "SrPipelineError"),
}


def test_no_public_name_disappears() -> None:
    assert set(sr.__all__) == NAMES == set(api.__all__)
    assert all(getattr(sr, name) is getattr(api, name) for name in NAMES)
    with pytest.raises(AttributeError, match="no attribute 'image'"):
        sr.image  # noqa: B018


def test_importing_it_loads_nothing_heavy() -> None:
    code = "import sys, sr_pipeline; print({'numpy', 'torch', 'PIL', 'dlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("kind", ["path", "text", "PIL", "array", "grey"])
def test_an_image_is_a_path_a_pil_image_or_an_array(samples: Path, kind: str) -> None:
    path = samples / "obama.jpg"
    opened = Image.open(path)
    given = {
        "path": path,
        "text": str(path),
        "PIL": opened,
        "array": np.asarray(opened),
        "grey": np.asarray(opened.convert("L")),
    }[kind]
    rgb = sr.load_image(given)
    assert rgb.dtype == np.uint8 and rgb.shape == (*opened.size[::-1], 3)
    if kind != "grey":
        assert np.array_equal(rgb, np.asarray(opened.convert("RGB")))


@pytest.mark.parametrize(
    "wrong", [np.zeros((8, 8, 3)), np.zeros((8, 8, 2), np.uint8), np.zeros((1, 1, 3), np.uint8)]
)
def test_what_is_no_image_is_refused_in_one_line(wrong: np.ndarray) -> None:
    with pytest.raises(sr.SrPipelineError) as error:
        sr.load_image(wrong)
    assert "\n" not in str(error.value)


def test_detect_finds_what_the_command_line_finds(
    run: Run, lr_folder: Path, tmp_path: Path
) -> None:
    file = next(lr_folder.rglob("plain.png"))
    words = ("--upscaler", "bicubic", "--detector", "hog", "--quiet")
    assert run("detect", file, "--out", tmp_path / "out", *words).exit_code == 0
    faces = sr.detect(file, upscaler="bicubic", detector="hog")
    table = sr.to_frame(faces)
    written = (tmp_path / "out" / "detections.csv").read_text().splitlines()
    assert len(faces) == len(written) - 1 > 0
    for face in faces:
        assert f"{face.box.left}"[:6] in written[1] and face.score > 0
    assert list(table.columns[:5]) == ["left", "top", "right", "bottom", "score"]
    both = sr.detect([file, file], upscaler="bicubic", detector="hog")
    assert both == [faces, faces]


def test_small_images_are_drawn_large(samples: Path) -> None:
    _, lr = sr.degrade(samples / "obama.jpg", crop=0.9)
    drawn = sr.draw_faces(lr, [sr.Face(box=sr.Box(4, 4, 12, 12), score=1.0)])
    assert drawn.size == (256, 256)


def test_identify_names_the_closest_person(samples: Path, tmp_path: Path) -> None:
    for person, name in (("Obama", "obama.jpg"), ("Biden", "biden.jpg")):
        (tmp_path / person).mkdir()
        (tmp_path / person / name).write_bytes((samples / name).read_bytes())
    faces = sr.identify(samples / "biden2.jpg", gallery=tmp_path, detector="hog", faces="largest")
    assert [face.identity for face in faces] == ["Biden"]


def test_compare_gives_a_row_for_each_upscaler(samples: Path) -> None:
    table = sr.compare([samples / "obama.jpg"], upscalers=["bicubic", "nearest"], crop=0.9)
    assert list(table["method"]) == ["bicubic", "nearest"]
    assert table["psnr_rgb"].gt(15).all()


def test_a_setting_that_detect_does_not_have_is_named() -> None:
    with pytest.raises(sr.SrPipelineError, match="colour"):
        sr.detect(np.zeros((16, 16, 3), np.uint8), colour="red")


def test_the_examples_run() -> None:
    for module in (api, sr):
        assert doctest.testmod(module).failed == 0
    from pipeline.jobs import faces

    assert doctest.testmod(faces).failed == 0


def test_a_package_that_hides_ours_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "__init__.py").touch()
    done = subprocess.run(
        [sys.executable, "-c", "import sr_pipeline; sr_pipeline.detect"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(api.__file__).parents[1])},
        capture_output=True,
        text=True,
    )
    assert "hides sr-pipeline's package `data`" in done.stderr.splitlines()[-1]
