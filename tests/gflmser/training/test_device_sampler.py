"""Batches made together: Pillow's crops, repeatable, independent of who makes them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gflmser import degradation
from gflmser.camera import Camera
from gflmser.config import DataConfig, SourceConfig
from gflmser.degradation import bicubic
from gflmser.method import METHOD
from gflmser.tensors import to_pixels
from gflmser.training.crops import cut, turned
from gflmser.training.device_sampler import DeviceSampler
from gflmser.training.order import EpochOrder
from gflmser.training.sampler import Sampler
from tests.gflmser.conftest import config


def sampler(cache: Path, *, batch: int = 8, **changes: object) -> DeviceSampler:
    sources = (SourceConfig(str(cache), crop=(0.6, 1.0), jitter=0.1),)
    data = replace(DataConfig(sources=sources, real_lr=str(cache), h2l=0.5), **changes)  # type: ignore[arg-type]
    return DeviceSampler(data, seed=3, batch=batch, device="cpu")


@pytest.mark.parametrize("edge", [40, 64, 71, 80], ids=["enlarged", "as it is", "odd", "whole"])
@pytest.mark.parametrize("flip", [False, True])
def test_crops_are_pillows(edge: int, flip: bool, cache: Path) -> None:
    pixels = np.load(cache / "images.npy")
    left, top = 80 - edge, (80 - edge) // 2
    count = len(pixels)
    made = cut(
        torch.from_numpy(pixels),
        left=torch.full((count,), left),
        top=torch.full((count,), top),
        edge=torch.full((count,), edge),
        flip=torch.full((count,), flip),
        to=64,
    )
    for own, tensor in zip(pixels, made, strict=True):
        square = Image.fromarray(own).crop((left, top, left + edge, top + edge))
        if flip:
            square = square.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        expected = np.asarray(square.resize((64, 64), Image.Resampling.BICUBIC), np.float32)
        difference = np.abs(tensor.permute(1, 2, 0).numpy() - expected)
        assert difference.max() <= 1
        assert difference.mean() < 0.01


def test_lr_is_pillows_reduction_of_hr(cache: Path) -> None:
    batch = sampler(cache).batch(0, range(8))
    for hr, lr in zip(to_pixels(batch.hr), to_pixels(batch.lr), strict=True):
        assert np.abs(bicubic(Image.fromarray(hr), 16).astype(int) - lr).max() <= 1


def test_halves_of_a_batch_are_the_whole_and_a_step_repeats(cache: Path) -> None:
    whole = sampler(cache).batch(5, range(8))
    parts = [sampler(cache).batch(5, part) for part in (range(4), range(4, 8))]
    for name in ("hr", "lr", "noise", "by_h2l", "real"):
        together = torch.cat([getattr(part, name) for part in parts])
        assert torch.equal(together, getattr(whole, name)), name
    assert not torch.equal(sampler(cache).batch(6, range(8)).hr, whole.hr)


@pytest.mark.parametrize("batching", ["samples", "device"])
def test_an_epoch_shows_every_image_once(batching: str, cache: Path) -> None:
    count = len(np.load(cache / "images.npy"))
    data = DataConfig(sources=(SourceConfig(str(cache)),), order="epochs")
    made: DeviceSampler | Sampler = (
        DeviceSampler(data, seed=0, batch=2, device="cpu")
        if batching == "device"
        else Sampler(data, seed=0, batch=2)
    )
    seen = [hr for step in range(count // 2) for hr in made.batch(step, range(2)).hr]

    def unflipped(image: torch.Tensor) -> bytes:
        return min(to_pixels(x[None]).tobytes() for x in (image, image.flip(2)))

    assert len({unflipped(image) for image in seen}) == count


def test_orders_of_epochs_differ_and_repeat() -> None:
    order = EpochOrder(50, seed=1)
    epochs: list[Sequence[int]] = [[order(e * 50 + i) for i in range(50)] for e in (0, 1)]
    assert [sorted(epoch) for epoch in epochs] == [list(range(50))] * 2
    assert epochs[0] != epochs[1]
    assert [EpochOrder(50, seed=1)(i) for i in range(50)] == epochs[0]


def test_the_camera_takes_its_share_and_lights_the_target_too(cache: Path) -> None:
    clean, photos = (sampler(cache, camera=share, h2l=0.0).batch(2, range(8)) for share in (0, 1))
    same = [torch.equal(a, b) for a, b in zip(clean.hr, photos.hr, strict=True)]
    assert not all(same)
    assert not any(torch.equal(a, b) for a, b in zip(clean.lr, photos.lr, strict=True))
    assert photos.lr.abs().max() <= 1
    half = sampler(cache, camera=0.5, h2l=0.0).batch(2, range(8))
    taken = [torch.equal(a, b) for a, b in zip(half.lr, photos.lr, strict=True)]
    assert 0 < sum(taken) < 8


def test_a_training_runs_on_it_and_resumes(cache: Path, tmp_path: Path) -> None:
    settings = config(cache)
    settings = replace(settings, data=replace(settings.data, camera=0.0, batching="device"))
    outcome, _ = METHOD.train(settings, tmp_path, max_steps=4)
    assert outcome.step == 4
    outcome, weights = METHOD.train(settings, tmp_path, resume=True)
    assert outcome.finished
    assert weights is not None


def test_a_turn_is_pillows_but_for_its_kernel(cache: Path) -> None:
    pixels = np.load(cache / "images.npy")
    degrees, aspect = torch.tensor([7.0, -5.0]), torch.tensor([1.1, 0.9])
    made = turned(torch.from_numpy(pixels[:2]), degrees=degrees, aspect=aspect)
    for own, image, by, wide in zip(pixels, made, degrees, aspect, strict=False):
        expected = degradation.turned(own, degrees=float(by), aspect=float(wide)).astype(int)
        apart = np.abs(image.numpy().astype(int) - expected)[4:-4, 4:-4]
        assert apart.mean() < 1.5
        assert apart.mean() < np.abs(own.astype(int) - expected)[4:-4, 4:-4].mean() / 4


def test_the_camera_turns_heads_and_halves_of_the_batch_are_the_whole(cache: Path) -> None:
    still, lively = (
        DeviceSampler(
            DataConfig(sources=(SourceConfig(str(cache)),), camera=1.0),
            seed=3,
            batch=8,
            device="cpu",
            camera=Camera(turned=chance, light=0, grey=0, video=0),
        )
        for chance in (0.0, 1.0)
    )
    whole, half = lively.batch(2, range(8)), lively.batch(2, range(4, 8))
    assert torch.allclose(whole.hr[4:], half.hr, atol=1e-4)
    unturned = still.batch(2, range(8))
    assert all(bool((a != b).any()) for a, b in zip(whole.hr, unturned.hr, strict=True))
