"""`--spread`: the map of uncertainty of whole images, from the command to the card."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.images.files import load_rgb
from pipeline.report.run_page.folder import read_run
from pipeline.report.run_page.images import CardImages
from tests.pipeline.conftest import Run


@pytest.fixture
def crop(samples: Path, tmp_path: Path) -> Path:
    """A face of 18 pixels in a crop of 32."""
    with Image.open(samples / "obama.jpg") as whole:
        side = min(whole.size)
        square = whole.convert("RGB").crop((0, 0, side, side))
        square.resize((32, 32), Image.Resampling.BICUBIC).save(tmp_path / "crop.png")
    return tmp_path / "crop.png"


@pytest.mark.parametrize(
    "words",
    [
        ["upscale", "--upscaler", "gflmser"],
        ["detect", "--detector", "hog", "--upscaler", "gflmser", "--passes", "1"],
    ],
)
def test_the_map_reaches_the_card(run: Run, crop: Path, tmp_path: Path, words: list[str]) -> None:
    out = tmp_path / "out"
    done = run(words[0], crop, "--out", out, "--spread", "--quiet", *words[1:])
    assert done.exit_code == 0, done.output
    spread = load_rgb(out / "spread" / "crop.png")
    assert spread.shape == (128, 128, 3)
    assert np.ptp(spread) > 0
    folder = read_run(out)
    card = CardImages(folder).of(folder.rows[0])
    assert str(card["spread"]).startswith("data:image/")
    assert card["spreadPx"] == card["restoredPx"]


def test_interpolation_has_no_map(run: Run, crop: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run("upscale", crop, "--out", out, "--upscaler", "bicubic", "--spread", "--quiet")
    assert done.exit_code == 0, done.output
    assert not (out / "spread").exists()
