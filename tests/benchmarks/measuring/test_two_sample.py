"""The judge of H2L: 0.5 for what is alike, near 1 for what is not; draws in grey levels."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.h2l_judge import faces_alone, main
from benchmarks.measuring.two_sample import Images, rms_between, two_sample_auc
from data.prepared import DatasetImage, build
from tests.pipeline.jobs.test_degrade_by_h2l import weights


def noise(seed: int, count: int, level: float) -> Images:
    drawn = np.random.default_rng(seed).normal(128, level, (count, 16, 16, 3))
    return np.clip(drawn, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("level", "low", "high"), [(20.0, 0.3, 0.7), (60.0, 0.95, 1.0)])
def test_what_differs_is_told_apart(level: float, low: float, high: float) -> None:
    made = noise(1, 160, 20.0), noise(2, 100, 20.0)
    real = noise(3, 160, level), noise(4, 100, level)
    assert low <= two_sample_auc(made, real) <= high


def test_draws_are_compared_in_grey_levels() -> None:
    one = np.zeros((2, 4, 4, 3), np.uint8)
    assert rms_between(one, one + 3) == pytest.approx(3)


def test_light_and_contrast_are_no_part_of_the_face() -> None:
    lr = np.random.default_rng(0).integers(60, 190, (3, 16, 16, 3)).astype(np.uint8)
    seen, darker = faces_alone(lr), faces_alone((lr * 0.5 + 20).astype(np.uint8))
    assert seen.shape == lr.shape
    assert np.abs(seen.astype(int) - darker).max() <= 6
    assert np.array_equal(seen[:, ::2, ::2], seen[:, 1::2, 1::2]), "no finer than 8x8"


def test_the_command_judges_a_degrader(samples: Path, tmp_path: Path) -> None:
    images = [DatasetImage(p.name, p.stem, p.read_bytes) for p in sorted(samples.glob("*.jpg"))]
    for name, side in (("hr", 160), ("real", 16)):
        build(images, tmp_path / name, name=name, side=side)
    hr, real = tmp_path / "hr", tmp_path / "real"
    words = ("--faces", hr, "--others", hr, "--real", real, "--held-out", real)
    done = CliRunner().invoke(main, [str(w) for w in (weights(tmp_path / "w"), *words)])
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    assert 0 <= found["auc"] <= 1
    assert 0 <= found["auc_of_faces"] <= 1
    assert found["rms_of_two_draws"] > 0
    assert isinstance(found["accepted"], bool)
