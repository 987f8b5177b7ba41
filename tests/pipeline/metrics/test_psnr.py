"""PSNR of the tables against scikit-image."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

from pipeline.metrics.image_quality import psnr_rgb


@pytest.mark.parametrize("name", ["obama.jpg", "biden.jpg", "solvay16.png"])
@pytest.mark.parametrize("method", ["NEAREST", "BILINEAR", "BICUBIC"])
def test_psnr_rgb_is_scikit_images(samples: Path, name: str, method: str) -> None:
    with Image.open(samples / name) as opened:
        image = opened.convert("RGB").resize((64, 64), Image.Resampling.BICUBIC)
    small = image.resize((16, 16), Image.Resampling.BICUBIC)
    hr, sr = np.asarray(image), np.asarray(small.resize((64, 64), Image.Resampling[method]))
    expected = peak_signal_noise_ratio(hr, sr, data_range=255)
    assert psnr_rgb(sr, hr) == pytest.approx(expected, abs=1e-9)


def test_psnr_rgb_of_noise_is_scikit_images() -> None:
    sr, hr = np.random.default_rng(0).integers(0, 256, (2, 9, 14, 3)).astype(np.uint8)
    assert psnr_rgb(sr, hr) == pytest.approx(peak_signal_noise_ratio(hr, sr, data_range=255))
