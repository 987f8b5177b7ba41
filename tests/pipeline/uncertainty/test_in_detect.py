"""`detect` writes sigma, quality and unusualness beside each restored face."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from PIL import Image

from data.images.files import load_rgb
from tests.pipeline.conftest import Run


@pytest.fixture
def small(samples: Path, tmp_path: Path) -> Path:
    """A face 12 px wide."""
    file = tmp_path / "small.png"
    with Image.open(samples / "obama.jpg") as image:
        image.convert("RGB").resize((48, 60), Image.Resampling.BICUBIC).save(file)
    return file


@pytest.mark.parametrize(("upscaler", "known"), [("gflmser", True), ("bicubic", False)])
def test_rows_and_maps(run: Run, small: Path, tmp_path: Path, upscaler: str, known: bool) -> None:
    out = tmp_path / "out"
    done = run("detect", small, "--out", out, "--upscaler", upscaler, "--quiet")
    assert done.exit_code == 0, done.output
    (row,) = csv.DictReader((out / "detections.csv").open(encoding="utf-8"))
    assert bool(row["sigma"]) is known
    assert (out / "faces" / "small-0-sigma.png").exists() is known
    if known:
        assert 2 < float(row["sigma"]) < 60
        assert 0 <= float(row["quality"]) <= 1
        assert 0 <= float(row["unusual"]) <= 1
        restored = load_rgb(out / "faces" / "small-0-restored.png")
        assert load_rgb(out / "faces" / "small-0-sigma.png").shape == restored.shape
        assert "Sigma, expected error" in (out / "report.html").read_text("utf-8")
