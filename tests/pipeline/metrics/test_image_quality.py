"""Metrics against code that shares nothing with ours: OpenCV, scikit-image, plain definitions."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray
from PIL import Image

from data.errors import ImageError
from data.images.rgb import RGB
from pipeline.metrics.image_quality import (
    PSNR_CAP,
    lr_consistency,
    luma,
    psnr_rgb,
    psnr_y,
    ssim_y,
)

METRICS = [psnr_rgb, psnr_y, ssim_y]
FILTERS = [Image.Resampling.NEAREST, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC]
NAMES = ["obama.jpg", "biden.jpg", "solvay16.png"]


def face(samples: Path, name: str, size: int = 64) -> RGB:
    image = Image.open(samples / name).convert("RGB")
    return np.asarray(image.resize((size, size), Image.Resampling.BICUBIC))


def reduced(rgb: RGB, size: int = 16) -> RGB:
    return np.asarray(Image.fromarray(rgb).resize((size, size), Image.Resampling.BICUBIC))


def restored(rgb: RGB, method: Image.Resampling, size: int = 16) -> RGB:
    small = Image.fromarray(reduced(rgb, size))
    return np.asarray(small.resize((rgb.shape[1], rgb.shape[0]), method))


images = st.integers(11, 20).flatmap(
    lambda n: st.tuples(
        npst.arrays(np.uint8, (n, n + 2, 3)),
        npst.arrays(np.uint8, (n, n + 2, 3)),
    )
)


@pytest.mark.parametrize("method", FILTERS, ids=lambda f: f.name)
@pytest.mark.parametrize("name", NAMES)
def test_psnr_rgb_is_opencvs(samples: Path, name: str, method: Image.Resampling) -> None:
    cv2 = pytest.importorskip("cv2")
    hr = face(samples, name)
    sr = restored(hr, method)
    assert psnr_rgb(sr, hr) == pytest.approx(cv2.PSNR(sr, hr), abs=1e-6)


@pytest.mark.parametrize("method", FILTERS, ids=lambda f: f.name)
@pytest.mark.parametrize("name", NAMES)
def test_luma_metrics_are_scikit_images(samples: Path, name: str, method: Image.Resampling) -> None:
    from skimage.color import rgb2ycbcr
    from skimage.metrics import mean_squared_error

    hr = face(samples, name)
    sr = restored(hr, method)
    ours, theirs = rgb2ycbcr(sr)[..., 0], rgb2ycbcr(hr)[..., 0]
    assert np.abs(luma(sr) - ours).max() < 1e-9
    mse = mean_squared_error(theirs, ours)
    assert psnr_y(sr, hr) == pytest.approx(20 * np.log10(255) - 10 * np.log10(mse), abs=1e-9)


def ssim_of_wang(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """The authors' MATLAB, with OpenCV's filter: an oracle that shares no code with ours."""
    cv2 = pytest.importorskip("cv2")
    line = cv2.getGaussianKernel(11, 1.5)

    def blur(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(cv2.filter2D(x, -1, line @ line.T)[5:-5, 5:-5])

    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    ma, mb = blur(a), blur(b)
    va, vb, cov = blur(a * a) - ma * ma, blur(b * b) - mb * mb, blur(a * b) - ma * mb
    index = ((2 * ma * mb + c1) * (2 * cov + c2)) / ((ma**2 + mb**2 + c1) * (va + vb + c2))
    return float(index.mean())


@pytest.mark.parametrize("size", [32, 64, 97])
@pytest.mark.parametrize("method", FILTERS, ids=lambda f: f.name)
def test_ssim_is_wangs(samples: Path, size: int, method: Image.Resampling) -> None:
    hr = face(samples, "obama.jpg", size)
    sr = restored(hr, method)
    assert ssim_y(sr, hr) == pytest.approx(ssim_of_wang(luma(sr), luma(hr)), abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(images)
def test_metrics_are_symmetric_finite_and_bounded(pair: tuple[RGB, RGB]) -> None:
    for metric in METRICS:
        value = metric(*pair)
        assert np.isfinite(value)
        assert value == pytest.approx(metric(*pair[::-1]), abs=1e-9)
        assert value <= (PSNR_CAP if metric in (psnr_rgb, psnr_y) else 1.0 + 1e-9)


@settings(max_examples=40, deadline=None)
@given(images, st.integers(0, 2))
def test_psnr_is_that_of_the_definition(pair: tuple[RGB, RGB], shift: int) -> None:
    a, b = (x.astype(int) for x in pair)
    mse = sum((int(x) - int(y)) ** 2 for x, y in zip(a.ravel(), b.ravel(), strict=True)) / a.size
    want = PSNR_CAP if mse == 0 else min(PSNR_CAP, 10 * np.log10(65025 / mse))
    assert psnr_rgb(*pair) == pytest.approx(want, abs=1e-9)


def test_identical_images_are_finite_and_do_not_poison_a_mean(samples: Path) -> None:
    hr = face(samples, "obama.jpg")
    assert psnr_rgb(hr, hr) == psnr_y(hr, hr) == lr_consistency(hr, hr) == PSNR_CAP
    assert ssim_y(hr, hr) == pytest.approx(1.0)
    assert np.isfinite(np.mean([psnr_rgb(hr, hr), psnr_rgb(restored(hr, FILTERS[2]), hr)]))


def test_only_identical_images_reach_the_cap_at_64_px(samples: Path) -> None:
    hr = face(samples, "obama.jpg")
    nearly = hr.copy()
    nearly[5, 5, 2] ^= 1
    assert psnr_rgb(nearly, hr) == pytest.approx(89.02, abs=0.01)


def test_values_do_not_wrap_around() -> None:
    black, white = np.zeros((16, 16, 3), np.uint8), np.full((16, 16, 3), 255, np.uint8)
    assert psnr_rgb(black, white) == pytest.approx(0.0)
    assert psnr_y(black, white) == pytest.approx(20 * np.log10(255 / 219))


def test_luma_reads_about_one_and_a_half_decibels_higher(samples: Path) -> None:
    gaps = []
    for name in NAMES[:2]:
        hr = face(samples, name)
        sr = restored(hr, Image.Resampling.BICUBIC)
        gaps.append(psnr_y(sr, hr) - psnr_rgb(sr, hr))
    assert 1.2 < np.mean(gaps) < 2.5


def test_lr_consistency_prefers_what_the_input_holds(samples: Path) -> None:
    obama, biden = face(samples, "obama.jpg"), face(samples, "biden.jpg")
    lr = reduced(obama)
    assert lr_consistency(obama, lr) == PSNR_CAP, "the truth reduces to its own input"
    bicubic = lr_consistency(restored(obama, Image.Resampling.BICUBIC), lr)
    assert 25 < bicubic < PSNR_CAP
    assert lr_consistency(biden, lr) < bicubic - 5, "another person's face does not"


@pytest.mark.parametrize("metric", METRICS)
def test_different_sizes_are_refused(metric: object) -> None:
    assert callable(metric)
    with pytest.raises(ImageError, match="different sizes"):
        metric(np.zeros((64, 64, 3), np.uint8), np.zeros((32, 32, 3), np.uint8))


def test_float_images_are_refused() -> None:
    with pytest.raises(ImageError, match="uint8"):
        psnr_rgb(np.zeros((8, 8, 3)), np.zeros((8, 8, 3)))  # type: ignore[arg-type]


def test_ssim_refuses_images_below_its_window() -> None:
    with pytest.raises(ImageError, match="11 px"):
        ssim_y(np.zeros((10, 64, 3), np.uint8), np.zeros((10, 64, 3), np.uint8))
