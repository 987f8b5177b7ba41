"""A teacher's image is the mean of two views, and a network that learns from it comes to mirror."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gflmser.config import Config, PhaseConfig
from gflmser.load import card_of
from gflmser.network import GFLmser
from gflmser.recipe import GFLmserRecipe
from gflmser.schema import ConfigError
from gflmser.teacher import Teacher
from gflmser.training.sampler import Sampler
from gflmser.weights import save_weights
from tests.gflmser.conftest import config, narrow


def taught(cache: Path, teacher: str, share: float = 1.0) -> Config:
    phase = PhaseConfig(name="taught", length=3, trains=("l2h",), hr_pixel=1.0, teacher=share)
    return replace(config(cache, phases=(phase,)), teacher=teacher)


def saved(folder: Path, name: str = "wise", **changes: object) -> str:
    network = narrow(**changes)
    torch.manual_seed(0)
    return str(save_weights(GFLmser(network), card_of(name, network), folder))


@pytest.fixture
def lr(cache: Path) -> Tensor:
    return Sampler(config(cache).data, seed=0).batch(0, range(4)).lr


def test_its_image_of_a_mirrored_face_is_its_image_mirrored(tmp_path: Path, lr: Tensor) -> None:
    teacher = Teacher(saved(tmp_path))
    assert teacher(lr).shape == (4, 3, 64, 64)
    torch.testing.assert_close(teacher(lr.flip(3)), teacher(lr).flip(3))


def test_a_network_learns_to_mirror_and_its_teacher_stays(
    cache: Path, tmp_path: Path, lr: Tensor
) -> None:
    file = saved(tmp_path)
    settings = replace(taught(cache, file), start=file)
    recipe = GFLmserRecipe(settings)
    optimiser = torch.optim.Adam(recipe.restorer.l2h.parameters(), 3e-3)
    sampler = Sampler(settings.data, seed=0)

    def update(loss: Tensor, _modules: object) -> None:
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    def apart() -> float:
        restore = recipe.restorer.restore
        with torch.no_grad():
            return float((restore(lr) - restore(lr.flip(3)).flip(3)).square().mean())

    before, image = apart(), Teacher(file)(lr)
    for step in range(8):
        recipe.step(sampler.batch(step, range(4)), settings.training.phases[0], update)
    assert apart() < before / 2
    assert recipe.teacher is not None
    torch.testing.assert_close(recipe.teacher(lr), image)


def test_a_share_mixes_it_with_the_truth(cache: Path, tmp_path: Path) -> None:
    file = saved(tmp_path)
    batch = Sampler(config(cache).data, seed=0).batch(0, range(4))
    losses: dict[float, float] = {}
    for share in (0.0, 0.5, 1.0):
        settings = replace(taught(cache, file, share), start=file)
        step = GFLmserRecipe(settings).step(batch, settings.training.phases[0], lambda *_: None)
        losses[share] = float(step["hr_pixel"].detach())
    assert losses[1.0] < losses[0.5] < losses[0.0]


def test_what_cannot_teach_is_refused(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'teacher' is empty"):
        GFLmserRecipe(taught(cache, ""))
    with pytest.raises(ConfigError, match=r"'teacher': .*nosuch"):
        GFLmserRecipe(taught(cache, "nosuch"))
    with pytest.raises(ConfigError, match="oracle"):
        GFLmserRecipe(taught(cache, saved(tmp_path, "oracle", source="hr")))
    with pytest.raises(ValueError, match="a share from 0 to 1"):
        PhaseConfig(name="x", length=1, teacher=2.0)
