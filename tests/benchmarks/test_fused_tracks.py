"""Simulated films of a sample: repeatable, and worth fusing where noise is new in each frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.fused_tracks import as_markdown, line_of
from benchmarks.measuring.fused_tracks import COUNTS, FILMS, FRAMES, SIDE, of_person, shots, truth
from pipeline.identity.embedding import load_embedder
from pipeline.metrics.image_quality import psnr_rgb
from pipeline.upscalers.loading import load_upscaler

CODED, NOISY = FILMS


@pytest.fixture(scope="module")
def hr(samples: Path) -> Image.Image:
    with Image.open(samples / "obama.jpg") as image:
        return image.convert("RGB").resize((250, 250), box=(60, 0, 460, 400))


def test_crops_lie_where_they_say(hr: Image.Image) -> None:
    seen = shots(hr, NOISY, np.random.default_rng(0))
    assert len(seen) == FRAMES
    for one in seen:
        low = Image.fromarray(truth(hr, one)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        assert psnr_rgb(one.crop, np.asarray(low)) > 24  # noise of 10 levels alone is 28 dB
        assert max(map(abs, one.off)) < 2
    again = shots(hr, NOISY, np.random.default_rng(0))
    assert all((a.crop == b.crop).all() for a, b in zip(seen, again, strict=True))
    coded = shots(hr, CODED, np.random.default_rng(0))
    assert any((a.crop != b.crop).any() for a, b in zip(seen, coded, strict=True))


def test_fusing_new_noise_gains_and_the_table_says_so(hr: Image.Image) -> None:
    bicubic, embedder = load_upscaler("bicubic"), load_embedder()
    rows = [of_person(hr, NOISY, bicubic, embedder, (seed,)) for seed in range(2)]
    lines = [line_of("noise 10", "bicubic", rows, count) for count in COUNTS]
    assert lines[0]["gain"] == (0, 0, 0)
    assert lines[-1]["used"] == FRAMES
    assert lines[-1]["gain"][0] > 0
    assert "| noise 10 | bicubic | 8 | 8.0 |" in as_markdown(lines)
