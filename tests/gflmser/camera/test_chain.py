"""The whole chain: seeded by sample, in range, as its table says; and the fixed sets."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from gflmser.camera import Camera, Draws, HashedDraws, photograph, sample_keys
from gflmser.camera.sets import SETS
from gflmser.degradation import bicubic, photographed, turned
from gflmser.schema import ConfigError, parse
from pipeline.commands.degrade import CAMERAS
from pipeline.metrics.image_quality import psnr_rgb

NOTHING = Camera(
    light=0,
    grey=0,
    blur_shares=(0.0, 0.0, 0.0, 0.0),
    own_grid=1,
    kernels=(0.0, 0.0, 1.0, 0.0, 0.0),
    noise=0,
    denoise=0,
    sharpen=0,
    jpeg=0,
    again=0,
    video=0,
)
"""A camera that only reduces, by bicubic."""


@pytest.fixture(scope="module")
def faces(tensor: Tensor) -> Tensor:
    """Eight times the same face at 64 px."""
    small = torch.nn.functional.interpolate(tensor, (64, 64), mode="bilinear", antialias=True)
    return small.clamp(0, 1).expand(8, -1, -1, -1).contiguous()


def test_a_sample_depends_on_its_own_seed_alone(faces: Tensor) -> None:
    scenes, lr = photograph(faces, Draws([(5, i) for i in range(8)]), Camera())
    assert scenes.shape == (8, 3, 64, 64)
    assert lr.shape == (8, 3, 16, 16)
    alone = photograph(faces[3:4], Draws([(5, 3)]), Camera())
    assert torch.allclose(alone[0], scenes[3:4], atol=1e-5)
    assert float((alone[1] - lr[3:4]).abs().max()) < 2.1 / 255
    assert len({float(one.mean()) for one in lr}) == 8
    levels = lr * 255
    assert torch.allclose(levels, levels.round(), atol=1e-3)


def test_a_camera_that_does_nothing_reduces_by_bicubic(faces: Tensor) -> None:
    scene, lr = photograph(faces[:1], Draws([1]), NOTHING)
    assert torch.equal(scene, faces[:1])
    image = Image.fromarray((faces[0] * 255).round().byte().permute(1, 2, 0).numpy())
    made = (lr[0] * 255).round().permute(1, 2, 0).numpy()
    assert np.abs(made - bicubic(image, 16))[2:-2, 2:-2].max() <= 1


@pytest.mark.parametrize(
    ("change", "least"),
    [
        ({"blur_shares": (1.0, 0.0, 0.0, 0.0), "isotropic": (4.0, 4.0)}, 1.0),
        ({"noise": 1.0, "read": (0.06, 0.06)}, 4.0),
        ({"jpeg": 1.0, "quality": (20.0, 20.0)}, 2.0),
        ({"video": 1.0, "video_quantiser": (40.0, 40.0)}, 2.0),
        ({"again": 1.0, "again_scale": (0.7, 0.7)}, 2.0),
        ({"sharpen": 1.0}, 0.3),
        ({"own_grid": 0.0, "grid": (0.7, 0.7)}, 2.0),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_each_step_of_the_table_changes_the_image(
    faces: Tensor, change: dict[str, object], least: float
) -> None:
    import dataclasses

    plain = photograph(faces[:4], Draws(range(4)), NOTHING)[1]
    camera = dataclasses.replace(NOTHING, **change)
    made = photograph(faces[:4], Draws(range(4)), camera)[1]
    for one, other in zip(made, plain, strict=True):
        assert float((one - other).abs().mean()) * 255 > least


def test_light_falls_on_the_target_too(faces: Tensor) -> None:
    import dataclasses

    dark = dataclasses.replace(NOTHING, light=1.0, gain=(0.4, 0.4), white_balance=(1.0, 1.0))
    scene, lr = photograph(faces[:2], Draws([1, 2]), dark)
    assert float(scene.mean()) < 0.6 * float(faces.mean())
    assert float(lr.mean()) == pytest.approx(float(scene.mean()), abs=0.01)


@pytest.mark.parametrize(
    "wrong",
    [{"noise": 1.5}, {"read": [0.2, 0.1]}, {"kernels": [1.0] * 5}, {"blur_shares": [0.5] * 4}],
    ids=lambda value: next(iter(value)),
)
def test_a_table_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        parse(Camera, wrong)


def test_the_command_names_every_set() -> None:
    assert ("chain", *SETS) == CAMERAS


def test_the_sets_are_worse_than_bicubic_and_seeded(face: np.ndarray) -> None:
    hr = Image.fromarray(face).resize((64, 64), Image.Resampling.BICUBIC)
    plain = bicubic(hr, 16)
    for name, degrade in SETS.items():
        first, again, other = (degrade(hr, 16, np.random.default_rng(seed)) for seed in (1, 1, 2))
        assert np.array_equal(first[1], again[1])
        if name == "clean":
            assert np.array_equal(first[1], plain)
            continue
        expected = bicubic(Image.fromarray(first[0]), 16)
        assert 15 < psnr_rgb(first[1], expected) < 38, name
        assert np.array_equal(first[1], other[1]) == (name == "blur1")


def test_noise10_is_noise_of_ten_levels() -> None:
    grey = Image.new("RGB", (256, 256), (128, 128, 128))
    _, lr = SETS["noise10"](grey, 64, np.random.default_rng(0))
    assert float(lr.astype(float).std()) == pytest.approx(10, rel=0.05)


def test_one_image_through_the_chain(samples: Path, face: np.ndarray) -> None:
    hr = Image.fromarray(face)
    scene, lr = photographed(hr, 32, 7)
    assert scene.shape == (96, 96, 3)
    assert lr.shape == (32, 32, 3)
    assert np.array_equal(lr, photographed(hr, 32, 7)[1])
    assert not np.array_equal(lr, photographed(hr, 32, 8)[1])


def test_a_turn_and_its_opposite_cancel(face: np.ndarray) -> None:
    there = turned(face, degrees=8, aspect=1.0)
    back = turned(there, degrees=-8, aspect=1.0)
    inside = (slice(24, -24), slice(24, -24))
    assert psnr_rgb(np.ascontiguousarray(back[inside]), np.ascontiguousarray(face[inside])) > 28
    assert psnr_rgb(there, face) < 25
    assert np.array_equal(turned(face, degrees=0, aspect=1.0), face)


def test_hashed_draws_are_those_of_a_sample_whatever_its_neighbours(faces: Tensor) -> None:
    rows = torch.arange(8)
    whole = photograph(faces, HashedDraws(sample_keys((5, 1), rows)), Camera(video=0))
    half = photograph(faces[4:], HashedDraws(sample_keys((5, 1), rows[4:])), Camera(video=0))
    assert torch.allclose(whole[0][4:], half[0], atol=1e-5)
    assert float((whole[1][4:] - half[1]).abs().max()) < 2.1 / 255
    other = photograph(faces, HashedDraws(sample_keys((5, 2), rows)), Camera(video=0))
    assert all(bool((a != b).any()) for a, b in zip(whole[1], other[1], strict=True))


def test_hashed_draws_are_uniform_and_normal_and_independent() -> None:
    draws = HashedDraws(sample_keys((3, 4), torch.arange(4000)))
    a, b, noise = draws.unit(), draws.unit(), draws.normal(3, 16)
    counts = torch.histc(a, 10, 0, 1)
    assert float((counts - 400).abs().max()) < 5 * 20
    assert abs(float(torch.corrcoef(torch.stack((a, b)))[0, 1])) < 0.08
    assert noise.shape == (4000, 3, 16)
    assert abs(float(noise.mean())) < 0.01
    assert abs(float(noise.std()) - 1) < 0.01
    assert 0.003 < float((noise.abs() > 2.8).float().mean()) < 0.008
    neighbours = torch.stack((noise[:, 0, :-1].flatten(), noise[:, 0, 1:].flatten()))
    assert abs(float(torch.corrcoef(neighbours)[0, 1])) < 0.02
