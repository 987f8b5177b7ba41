"""The CASIA-WebFace chain is Pillow's bicubic, twice; the camera's is random by key alone."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from data.boxes import Box
from data.images.files import load_rgb
from pipeline.jobs.degrade import Degradation
from pipeline.metrics.image_quality import psnr_rgb
from tests.pipeline.conftest import Run


@pytest.fixture(scope="module")
def square(samples: Path) -> np.ndarray:
    with Image.open(samples / "biden2.jpg") as image:
        return np.asarray(image.resize((250, 250)).convert("RGB"))


def test_the_protocol_is_pillows_bicubic(square: np.ndarray) -> None:
    hr, lr = Degradation()(square, "x")
    expected_hr = Image.fromarray(square).resize((64, 64), Image.Resampling.BICUBIC)
    expected_lr = expected_hr.resize((16, 16), Image.Resampling.BICUBIC)
    assert np.array_equal(hr, np.asarray(expected_hr))
    assert np.array_equal(lr, np.asarray(expected_lr))


def test_a_crop_is_the_central_share(square: np.ndarray) -> None:
    hr, _ = Degradation(crop=0.55)(square, "x")
    part = Image.fromarray(square[56:194, 56:194])
    assert np.array_equal(hr, np.asarray(part.resize((64, 64), Image.Resampling.BICUBIC)))


def test_a_wide_image_gives_its_middle_square(square: np.ndarray) -> None:
    wide = np.hstack([np.zeros_like(square), square, np.zeros_like(square)])
    assert np.array_equal(Degradation()(wide, "x")[0], Degradation()(square, "x")[0])


def test_the_camera_depends_on_seed_and_key_alone(square: np.ndarray) -> None:
    lr = [
        Degradation(camera="chain", seed=seed)(square, key)[1]
        for seed, key in ((0, "a"), (0, "a"), (0, "b"), (1, "a"))
    ]
    assert np.array_equal(lr[0], lr[1])
    assert not np.array_equal(lr[0], lr[2])
    assert not np.array_equal(lr[0], lr[3])
    plain = Degradation()(square, "a")[1]
    assert 10 < psnr_rgb(lr[0], plain) < 60


def test_the_camera_sees_the_light_that_hr_has(square: np.ndarray) -> None:
    """Another light falls on the scene, so HR has it too, in about six cases of ten."""
    plain = Degradation()(square, "a")[0]
    pairs = [Degradation(camera="chain")(square, str(key)) for key in range(20)]
    relit = [(hr, lr) for hr, lr in pairs if not np.array_equal(hr, plain)]
    assert 6 < len(relit) < 18
    for hr, lr in relit:
        assert abs(float(hr.mean()) - float(lr.mean())) < 8
    again = Degradation(camera="chain")(square, "0")
    assert all(np.array_equal(a, b) for a, b in zip(pairs[0], again, strict=True))


def test_a_degraded_set_is_written_by_name(run: Run, samples: Path, tmp_path: Path) -> None:
    words = ("degrade", samples / "faces.csv", "--quiet", "--workers", "0")
    for name in ("jpeg40", "blur1"):
        assert run(*words, "--out", tmp_path / name, "--camera", name).exit_code == 0
    assert run(*words, "--out", tmp_path / "plain").exit_code == 0
    for file in (tmp_path / "plain" / "lr").iterdir():
        plain = load_rgb(file)
        for name in ("jpeg40", "blur1"):
            assert 15 < psnr_rgb(load_rgb(tmp_path / name / "lr" / file.name), plain) < 40
    wrong = run(*words, "--out", tmp_path / "x", "--camera", "jpeg")
    assert "is not one of" in str(wrong.exception)


@given(
    crop=st.floats(0.2, 1.0),
    width=st.integers(20, 400),
    height=st.integers(20, 400),
    edges=st.tuples(*[st.floats(0, 1)] * 4),
)
def test_boxes_move_with_the_image(
    crop: float, width: int, height: int, edges: tuple[float, float, float, float]
) -> None:
    degradation = Degradation(crop=crop)
    left, top, side = degradation.square(width, height)
    a, b, c, d = edges
    x0, x1 = sorted((left + a * side, left + b * side))
    y0, y1 = sorted((top + c * side, top + d * side))
    moved = degradation.to_hr(Box(x0, y0, x1, y1), width, height)
    if moved is not None:
        back = moved.scaled(side / 64, side / 64).shifted(left, top)
        assert (back.left, back.top) == pytest.approx((x0, y0), abs=1e-6)
        assert (back.right, back.bottom) == pytest.approx((x1, y1), abs=1e-6)
    else:
        assert (x1 - x0) * (y1 - y0) < 1e-6


def test_a_box_that_is_mostly_cut_away_is_none() -> None:
    assert Degradation(crop=0.5).to_hr(Box(0, 0, 70, 70), 250, 250) is None


def test_each_stage_takes_the_output_of_the_one_before(
    run: Run, samples: Path, tmp_path: Path
) -> None:
    made, large, found = tmp_path / "made", tmp_path / "large", tmp_path / "found"
    quiet = ("--quiet", "--workers", "0")
    hog = ("--detector", "hog", "--upscale-below", 0)
    assert run("degrade", samples / "faces.csv", "--out", made, *quiet).exit_code == 0
    assert (
        run("upscale", made / "lr", "--out", large, "--upscaler", "lanczos", *quiet).exit_code == 0
    )
    assert run("detect", large, "--out", found, *hog, *quiet).exit_code == 0
    names = sorted(path.name for path in (made / "hr").iterdir())
    assert len(names) == 5
    for name in names:
        assert load_rgb(made / "hr" / name).shape == (64, 64, 3)
        lr = Image.fromarray(load_rgb(made / "lr" / name))
        expected = lr.resize((64, 64), Image.Resampling.LANCZOS)
        assert np.array_equal(load_rgb(large / name), np.asarray(expected))
    truth = tmp_path / "truth"
    assert run("detect", made / "hr", "--out", truth, *hog, *quiet).exit_code == 0
    scored = run(
        *("evaluate", "--predictions", found / "detections.csv"),
        *("--truth", boxes_of(truth / "detections.csv"), "--json"),
    )
    assert scored.exit_code == 0, scored.exception
    assert '"recall' in scored.stdout


def boxes_of(detections: Path) -> Path:
    """Detections on HR as a ground-truth CSV."""
    import pandas as pd

    frame = pd.read_csv(detections).dropna(subset=["left"])
    path = detections.with_name("truth.csv")
    frame[["image", "left", "top", "right", "bottom"]].to_csv(path, index=False)
    return path
