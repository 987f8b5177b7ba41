from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from data.boxes import Box
from data.images.files import load_rgb
from pipeline.detection.registry import load_detector
from pipeline.identity.embedding import Face
from pipeline.identity.gate import check, effective_width
from pipeline.identity.labelled import DEGRADATIONS, far_away
from pipeline.identity.quality import BUCKETS, face_region, measure

NAMES = ("obama.jpg", "biden.jpg", "biden2.jpg")


def face(path: Path) -> Face:
    rgb = load_rgb(path)
    return Face(rgb, max((f.box for f in load_detector("hog")(rgb, 1)), key=lambda b: b.area))


@pytest.mark.parametrize(
    ("kind", "bucket"),
    [("clean", "clean"), ("noise10", "noisy"), ("blur1", "blurred"), ("jpeg40", "compressed")],
)
@pytest.mark.parametrize("name", NAMES)
def test_degradations_are_told_apart(samples: Path, name: str, kind: str, bucket: str) -> None:
    seen = [
        measure(face_region(far.rgb, far.box)).bucket
        for seed in range(5)
        for far in [far_away(face(samples / name), 12, kind, np.random.default_rng(seed))]  # type: ignore[arg-type]
    ]
    assert seen.count(bucket) >= 3


@pytest.mark.parametrize("kind", DEGRADATIONS)
def test_a_face_is_as_wide_as_was_asked(samples: Path, kind: str) -> None:
    far = far_away(face(samples / "obama.jpg"), 16, kind, np.random.default_rng(0))  # type: ignore[arg-type]
    assert far.box.width == pytest.approx(16)
    assert far.rgb.shape == (23, 23, 3)
    assert far.box.left >= 0
    assert far.box.right <= 20


@given(arrays(np.uint8, st.tuples(st.integers(1, 24), st.integers(1, 24), st.just(3))))
def test_any_image_has_a_bucket(rgb: np.ndarray) -> None:
    found = measure(rgb)
    assert found.bucket in BUCKETS
    assert np.isfinite([found.noise, found.sharpness, found.blockiness]).all()


def test_the_gate_knows_small_enlarged_and_grey_images(samples: Path) -> None:
    good = face(samples / "obama.jpg")
    assert check(good.rgb, good.box).refused == ""
    small = Image.fromarray(good.rgb).resize((good.rgb.shape[1] // 12, good.rgb.shape[0] // 12))
    tiny = good.box.scaled(1 / 12, 1 / 12)
    assert "px wide" in check(np.array(small), tiny).refused
    large = small.resize((good.rgb.shape[1], good.rgb.shape[0]), Image.Resampling.BICUBIC)
    assert "enlarged" in check(np.array(large), good.box).refused
    grey = np.repeat(good.rgb.mean(2, keepdims=True).astype(np.uint8), 3, axis=2)
    assert "grey" in check(grey, good.box).warning


def test_detail_of_noise_is_as_wide_as_it_is() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    assert effective_width(noise, 40) == 40
    assert face_region(noise, Box(-50, -50, -10, -10)).size > 0
