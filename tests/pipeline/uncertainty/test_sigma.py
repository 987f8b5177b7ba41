"""Sigmas fitted to faces whose error is known, and the files that keep them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.measuring.restored_triples import Triple, of_split, restored
from benchmarks.measuring.sigma_fit import calibrated, errors, fitted
from benchmarks.measuring.sigma_report import ALL, report
from data.images.rgb import RGB
from pipeline.uncertainty.files import file_of, load_sigma, save_sigma
from pipeline.uncertainty.quadratic import Quadratic
from pipeline.uncertainty.sigma import Sigma, as_image, key, size_bin
from pipeline.upscalers.interpolation import INTERPOLATORS

WIDTH = 12.0


@pytest.fixture(scope="module")
def triples(samples: Path) -> list[Triple]:
    """Sample faces by every degraded set; a "network" that errs more to the right."""
    images: list[RGB] = []
    for path in sorted(samples.glob("*.jpg"))[:5]:
        with Image.open(path) as opened:
            images.append(np.array(opened.convert("RGB").resize((96, 96))))
    return restored(of_split(images, len(images), crop=0.8, side=16, seed=1), erring)


def erring(images: list[RGB]) -> list[RGB]:
    enlarged = INTERPOLATORS["bicubic"](images)
    rng = np.random.default_rng(0)
    wrong = np.linspace(2, 30, 64)[None, :, None]
    return [
        np.clip(one + rng.standard_normal(one.shape) * wrong, 0, 255).astype(np.uint8)
        for one in enlarged
    ]


@pytest.fixture(scope="module")
def sigma(triples: list[Triple]) -> Sigma:
    return calibrated(fitted(triples, judged=len(triples)), triples, [WIDTH] * len(triples))


def test_two_sigma_hold_95_percent_where_it_was_scaled(sigma: Sigma, triples: list[Triple]) -> None:
    rows = {row["set"]: row for row in report(sigma, triples, [WIDTH] * len(triples), judged=False)}
    assert rows[ALL]["images"] == len(triples)
    assert float(rows[ALL]["within_2"]) == pytest.approx(0.95, abs=0.02)
    assert float(rows[ALL]["rmse_at_0.25"]) < float(rows[ALL]["rmse_at_1"])


def test_the_map_is_wide_where_the_error_is(sigma: Sigma, triples: list[Triple]) -> None:
    one = triples[0]
    found = sigma(one.lr, one.sr, one.mirrored, WIDTH)
    assert found is not None
    assert found.sigma.shape == one.hr.shape[:2]
    half = one.hr.shape[1] // 2
    assert found.sigma[:, half:].mean() > found.sigma[:, :half].mean()
    assert found.mean == pytest.approx(float(np.sqrt((errors(one) ** 2).mean())), rel=0.6)
    assert 0 <= found.quality <= 1
    assert 0 <= found.unusual <= 1


def test_widths_that_were_not_calibrated_have_no_sigma(sigma: Sigma, triples: list[Triple]) -> None:
    one = triples[0]
    assert sigma(one.lr, one.sr, one.mirrored, 40.0) is None
    assert size_bin(40.0) is None
    assert size_bin(10.0) == "10-16"
    assert key(one.lr, WIDTH).startswith("10-16:")


def test_a_file_belongs_to_one_hash_of_weights(
    sigma: Sigma, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.uncertainty.files._FOLDER", tmp_path)
    load_sigma.cache_clear()
    assert load_sigma("gflmser") is None
    save_sigma(sigma, "gflmser", {"why": "test"}, file_of("gflmser"))
    load_sigma.cache_clear()
    again = load_sigma("gflmser")
    assert again is not None
    assert again.scales == pytest.approx(dict(sigma.scales))
    np.testing.assert_array_equal(again.pixel.weights, sigma.pixel.weights)
    file_of("gflmser").rename(file_of("gflmser-real"))  # of other weights than it says
    load_sigma.cache_clear()
    assert load_sigma("gflmser-real") is None
    load_sigma.cache_clear()


def test_what_has_no_weights_has_no_sigma(sigma: Sigma, tmp_path: Path) -> None:
    assert load_sigma("bicubic") is None
    with pytest.raises(ValueError, match="no weights"):
        save_sigma(sigma, "bicubic", {}, tmp_path / "x.safetensors")


def test_quadratics_are_found_again() -> None:
    rows = np.random.default_rng(0).normal(size=(400, 3)).astype(np.float32)
    values = 1 + 2 * rows[:, 0] - rows[:, 1] * rows[:, 2] + 0.5 * rows[:, 2] ** 2
    found = Quadratic.fit(rows, values, ridge=1e-3)
    inside = np.abs(rows).max(1) < 3
    np.testing.assert_allclose(found(rows)[inside], values[inside], atol=0.1)


def test_the_map_is_white_from_64_levels() -> None:
    assert as_image(np.array([[0, 10, 64]], np.float32))[0, :, 0].tolist() == [0, 40, 255]


@pytest.mark.parametrize("name", ["gflmser", "gflmser-real"])
def test_a_shipped_sigma_is_of_the_shipped_weights(name: str) -> None:
    """After new weights `python -m benchmarks.fit_sigma` has to be run again."""
    file = file_of(name)
    if not file.is_file():
        pytest.skip(f"{name} has no sigma")
    found = load_sigma(name)
    assert found is not None
    assert json.dumps(sorted(found.scales))
    assert all(0.5 < scale < 2.5 for scale in found.scales.values())
