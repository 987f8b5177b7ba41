"""Interpolation and the door: names, sizes, errors, and no torch."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.errors import ModelError
from data.images.rgb import RGB
from pipeline.upscalers.loading import load_upscaler, upscaler_names

INTERPOLATION = ["nearest", "bilinear", "bicubic", "lanczos"]


def image(samples: Path, width: int, height: int) -> RGB:
    with Image.open(samples / "obama.jpg") as image:
        return np.array(image.convert("RGB").resize((width, height), Image.Resampling.BICUBIC))


@pytest.mark.parametrize("name", INTERPOLATION)
def test_interpolation_is_pillows_four_times_resize(samples: Path, name: str) -> None:
    upscaler = load_upscaler(name)
    crops = [image(samples, 16, 16), image(samples, 11, 23), image(samples, 1, 1)]

    enlarged = upscaler(crops)

    assert (upscaler.name, upscaler.scale, upscaler.oracle) == (name, 4, False)
    for crop, result in zip(crops, enlarged, strict=True):
        height, width = crop.shape[:2]
        expected = Image.fromarray(crop).resize(
            (width * 4, height * 4), Image.Resampling[name.upper()]
        )
        assert np.array_equal(result, np.asarray(expected))
        assert result.flags.c_contiguous and result.flags.writeable


def test_no_images_give_no_images() -> None:
    assert load_upscaler("bicubic")([]) == []


def test_the_filters_are_four_different_ones(samples: Path) -> None:
    crop = image(samples, 16, 16)
    results = {load_upscaler(name)([crop])[0].tobytes() for name in INTERPOLATION}
    assert len(results) == 4


def test_names_begin_with_interpolation() -> None:
    assert upscaler_names()[:4] == INTERPOLATION


def test_an_unknown_name_is_answered_with_the_nearest_ones() -> None:
    with pytest.raises(ModelError) as caught:
        load_upscaler("bicubik")
    message = str(caught.value)
    assert "did you mean bicubic" in message
    assert "lanczos" in message
    assert "\n" not in message


def test_bicubic_works_without_importing_torch() -> None:
    code = (
        "import sys, numpy as np; from pipeline.upscalers.loading import load_upscaler;"
        "load_upscaler('bicubic')([np.zeros((4, 4, 3), np.uint8)]);"
        "sys.exit(any(m in sys.modules for m in ('torch', 'spandrel', 'gflmser')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
