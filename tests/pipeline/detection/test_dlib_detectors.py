"""The detectors give exactly face_recognition's boxes, and keep dlib's score."""

import importlib.machinery
import importlib.util
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.errors import ModelError
from data.images.files import load_rgb
from data.images.rgb import RGB
from pipeline.detection.passes import auto_passes
from pipeline.detection.registry import forget_detectors, load_detector
from pipeline.environment.dlib_models import model_file
from pipeline.names import DetectorName

SAMPLES = ("biden.jpg", "biden2.jpg", "obama.jpg", "solvay16.png", "solvay18.png")


def at_size(path: Path, side: int) -> RGB:
    image = Image.fromarray(load_rgb(path))
    image.thumbnail((side, side), Image.Resampling.BICUBIC)
    return np.array(image)


def reference(rgb: RGB, passes: int, model: str) -> list[tuple[float, float, float, float]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import face_recognition
    found = face_recognition.face_locations(rgb, passes, model)
    return [(left, top, right, bottom) for top, right, bottom, left in found]


def boxes(rgb: RGB, passes: int, name: DetectorName) -> list[tuple[float, float, float, float]]:
    found = [face.box for face in load_detector(name)(rgb, passes)]
    return [(box.left, box.top, box.right, box.bottom) for box in found]


SIDES: dict[DetectorName, int] = {"hog": 600, "cnn": 280}
"""Longer side of a sample that is searched without a pass; each pass doubles the image first."""


@cache
def found_in(
    file: Path, passes: int, name: DetectorName
) -> list[tuple[float, float, float, float]]:
    """Our boxes; computed once for the tests that ask about them."""
    return boxes(at_size(file, SIDES[name] >> passes), passes, name)


@pytest.mark.parametrize("passes", [0, 1, 2, 3])
@pytest.mark.parametrize("name", SAMPLES)
def test_hog_equals_face_recognition(samples: Path, name: str, passes: int) -> None:
    rgb = at_size(samples / name, SIDES["hog"] >> passes)
    assert found_in(samples / name, passes, "hog") == reference(rgb, passes, "hog")


@pytest.mark.parametrize("passes", [0, 1])
@pytest.mark.parametrize("name", SAMPLES)
def test_cnn_equals_face_recognition(samples: Path, name: str, passes: int) -> None:
    rgb = at_size(samples / name, SIDES["cnn"] >> passes)
    assert found_in(samples / name, passes, "cnn") == reference(rgb, passes, "cnn")


def test_the_equal_boxes_above_are_not_all_empty(samples: Path) -> None:
    assert all(found_in(samples / name, 1, "hog") for name in SAMPLES)
    # biden.jpg is a tall image: at this size its face is below cnn's smallest.
    for passes in (0, 1):
        assert sum(bool(found_in(samples / name, passes, "cnn")) for name in SAMPLES) >= 4


@pytest.mark.parametrize("name", ["hog", "cnn"])
def test_scores_fall_and_the_least_score_cuts(samples: Path, name: DetectorName) -> None:
    rgb = np.hstack([at_size(samples / "obama.jpg", 140)] * 2)
    scores = [face.score for face in load_detector(name)(rgb, 1)]
    assert len(scores) == 2
    assert scores == sorted(scores, reverse=True)
    strict = load_detector(name, min_score=max(scores) + 0.01)
    assert strict(rgb, 1) == []


def test_a_lower_least_score_finds_weaker_hog_faces(samples: Path) -> None:
    rgb = at_size(samples / "biden2.jpg", 100)
    usual = load_detector("hog")(rgb, 1)
    weak = load_detector("hog", min_score=-1.0)(rgb, 1)
    assert len(weak) > len(usual)


def test_boxes_stay_inside_the_image(samples: Path) -> None:
    face = load_detector("hog")(load_rgb(samples / "obama.jpg"), 0)[0].box
    cut = load_rgb(samples / "obama.jpg")[int(face.top) + 12 :, int(face.left) + 12 :].copy()
    found = load_detector("hog", min_score=-0.5)(cut, 1)
    assert found
    for detection in found:
        box = detection.box
        assert 0 <= box.left < box.right <= cut.shape[1]
        assert 0 <= box.top < box.bottom <= cut.shape[0]


@pytest.mark.parametrize(("width", "height"), [(64, 64), (159, 400), (1000, 159), (16, 16)])
def test_small_images_are_never_searched_without_a_pass(width: int, height: int) -> None:
    assert auto_passes(width, height) >= 1


def test_large_images_need_no_pass() -> None:
    assert auto_passes(4000, 3000) == 0
    assert auto_passes(600, 600) == 1


def test_yunet_without_its_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="--yunet-model"):
        load_detector("yunet")
    (tmp_path / "x.onnx").write_bytes(b"not a network")
    with pytest.raises(ModelError, match="not a YuNet model"):
        load_detector("yunet", yunet_model=tmp_path / "x.onnx")


def test_missing_models_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_name: str) -> importlib.machinery.ModuleSpec | None:
        return None

    monkeypatch.setattr(importlib.util, "find_spec", gone)
    with pytest.raises(ModelError, match="pip install face-recognition-models"):
        model_file("cnn")


def test_a_damaged_cache_of_the_hog_detector_is_replaced(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    rgb = at_size(samples / "obama.jpg", 200)
    for content in (None, b"", b"not a detector"):
        for file in (tmp_path / "sr-pipeline").glob("*") if content is not None else ():
            file.write_bytes(content or b"")
        forget_detectors()
        assert boxes(rgb, 1, "hog") == reference(rgb, 1, "hog")
    forget_detectors()
    assert boxes(rgb, 1, "hog") == reference(rgb, 1, "hog")
    (cached,) = (tmp_path / "sr-pipeline").iterdir()
    assert cached.stat().st_size > 100_000
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    forget_detectors()
    assert boxes(rgb, 1, "hog")
