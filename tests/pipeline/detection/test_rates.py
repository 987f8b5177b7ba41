"""Which rate of false boxes a score of a chain stands for, and where there is none."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.images.files import load_rgb
from pipeline.detection import rates
from pipeline.detection.rates import chain_rates, rates_of
from pipeline.detection.thresholds import Curve, Thresholds, load_thresholds


def crop(samples: Path, side: int) -> np.ndarray:
    return np.array(Image.open(samples / "obama.jpg").convert("RGB").resize((side, side)))


def test_hog_on_an_image_as_it_is_has_its_own_curves(samples: Path) -> None:
    small = chain_rates(crop(samples, 60), "hog", "none")
    frame = chain_rates(load_rgb(samples / "obama.jpg"), "hog", "none")
    assert (small.kind, frame.kind) == ("crop", "frame")
    assert small.as_columns(2.0)["fp_rate"] <= 0.002
    assert small.as_columns(-0.9)["fp_rate"] > 0.01
    assert frame.as_columns(2.0) == {"fp_rate": 0.004831, "fp_per": "frame", "grey": False}


def test_grey_images_have_their_own_curve(samples: Path) -> None:
    rgb = crop(samples, 60)
    grey = np.repeat(rgb[:, :, 1:2], 3, axis=2)
    colour, without = (chain_rates(one, "hog", "none") for one in (rgb, grey))
    assert (colour.grey, without.grey) == (False, True)
    assert colour.rate(-0.5) != without.rate(-0.5)


def test_the_search_of_auto_is_no_chain(samples: Path) -> None:
    rgb = crop(samples, 60)
    assert rates_of(rgb, "centerface", "bicubic").rate(0.5) is not None
    assert chain_rates(rgb, "centerface", "bicubic").as_columns(0.5)["fp_rate"] is None


def test_there_is_no_rate_for_crops_above_those_measured(
    samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    curve = Curve("hog", "mine", "crop", False, 40, ((0.0, 0.01), (1.0, 0.001)), 1000)
    monkeypatch.setattr(rates, "load_thresholds", lambda: Thresholds((curve,), {}))
    assert chain_rates(crop(samples, 40), "hog", "mine").rate(0.0) == 0.01
    assert chain_rates(crop(samples, 41), "hog", "mine").rate(0.0) is None


@pytest.mark.parametrize("detector", ["hog", "cnn", "centerface"])
@pytest.mark.parametrize("upscaler", ["bicubic", "gflmser", "gflmser-real"])
@pytest.mark.parametrize("grey", [False, True], ids=["colour", "grey"])
def test_every_chain_that_ships_is_measured_on_5_000_crops(
    detector: str, upscaler: str, grey: bool
) -> None:
    curves = [
        curve
        for curve in load_thresholds().curves
        if (curve.detector, curve.upscaler, curve.kind, curve.grey)
        == (detector, upscaler, "crop", grey)
    ]
    assert sum(curve.n for curve in curves) >= 5000
