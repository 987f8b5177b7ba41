"""The paper's own configurations at full width: they must learn, not saturate."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

import gflmser
from gflmser.config import Config, PhaseConfig, SourceConfig, Widths
from gflmser.recipe import GFLmserRecipe
from gflmser.schema import load
from gflmser.training.fabric import make_fabric
from gflmser.training.loop import Trainer
from gflmser.training.sampler import Sampler

CONFIGS = Path(gflmser.__file__).parent / "configs"
STEPS = 15


@pytest.fixture
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def configuration(name: str, cache: Path, *, batch: int, phases: tuple[PhaseConfig, ...]) -> Config:
    """A configuration of the paper on the samples; `epoch_images` 0: lengths are steps."""
    whole = load(Config, CONFIGS / name)
    data = replace(
        whole.data, sources=(SourceConfig(str(cache), crop=(0.8, 1.0)),), real_lr=str(cache)
    )
    training = replace(whole.training, batch=batch, epoch_images=0, phases=phases)
    return replace(whole, data=data, training=training)


def steps_of(config: Config, count: int) -> tuple[GFLmserRecipe, Trainer, list[dict[str, Tensor]]]:
    torch.manual_seed(config.seed)
    recipe = GFLmserRecipe(config)
    sampler = Sampler(config.data, seed=config.seed, batch=config.training.batch)
    fabric = make_fabric(config.training, device="cpu")
    run = Trainer(recipe, sampler, config.training, fabric=fabric, folder=Path())
    losses = []
    for _ in range(count):
        losses.append(run._one_step())
        run.step += 1
    return recipe, run, losses


def saturated(images: Tensor) -> float:
    return float((images.abs() > 0.99).float().mean())


def short(phase: PhaseConfig) -> PhaseConfig:
    return replace(phase, length=STEPS)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize(
    ("name", "phase"),
    [("paper.toml", "restore"), ("paper-joint.toml", "joint")],
)
def test_full_width_does_not_saturate_and_every_network_gets_gradients(
    name: str, phase: str, cache: Path
) -> None:
    phases = {p.name: short(p) for p in load(Config, CONFIGS / name).training.phases}
    settings = configuration(name, cache, batch=1, phases=(phases[phase],))
    recipe, run, losses = steps_of(settings, STEPS)
    batch = run.sampler.batch(0, range(1))
    with torch.no_grad():
        made, skips = recipe.model.h2l(batch.hr, batch.noise)
        restored = recipe.model.l2h(made, skips)
    assert saturated(made) < 0.05
    assert saturated(restored) < 0.05
    assert all(bool(torch.isfinite(v)) for step in losses for v in step.values())
    for module in phases[phase].trains:
        gradients = [p.grad for p in recipe.modules[module].parameters()]
        assert sum(float(g.abs().sum()) for g in gradients if g is not None) > 0, module
    for module in set(recipe.modules) - set(phases[phase].trains):
        assert all(p.grad is None for p in recipe.modules[module].parameters()), module


@pytest.mark.usefixtures("one_thread")
def test_the_loss_falls_over_a_hundred_steps(cache: Path) -> None:
    """All modules, a quarter of the channels: full width takes minutes on a CPU (lab notes)."""
    phase = PhaseConfig("both", 100, trains=("h2l", "l2h"), lr_pixel=1.0, hr_pixel=1.0, joint=True)
    settings = configuration("paper.toml", cache, batch=2, phases=(phase,))
    narrow = Widths(r64=16, r32=16, r16=16, r8=16, r4=16)
    settings = replace(settings, network=replace(settings.network, widths=narrow))
    _, _, losses = steps_of(settings, 100)
    for name in ("lr_pixel", "hr_pixel"):
        first, last = (
            sum(float(step[name].detach()) for step in part) / 10
            for part in (losses[:10], losses[-10:])
        )
        assert last < 0.6 * first, (name, first, last)
