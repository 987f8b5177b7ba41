"""Training of SRGAN: first the generator alone (SRResNet), then against its judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import torch
from torch import Tensor, nn

from benchmarks.rivals.common.adversarial import vanilla
from benchmarks.rivals.common.modes import frozen
from benchmarks.rivals.common.recipe import RestoresFromLr
from benchmarks.rivals.common.vgg import Layer, VggFeatures, load_vgg
from benchmarks.rivals.srgan.network import SrganGenerator, SrganJudge, SrganNetwork
from gflmser.config import DataConfig, OptimiserConfig, PhaseConfig, TrainingConfig, check_seed
from gflmser.names import checked_name
from gflmser.training.method import Method
from gflmser.training.protocols import Update
from gflmser.training.sampler import Batch


@dataclass(frozen=True, slots=True)
class SrganLosses:
    """What the image is compared by while there is a judge."""

    vgg19: str = ""
    """Weight file of VGG19; empty: by its pixels, which the paper calls SRGAN-MSE."""
    vgg_layer: Layer = "conv5_4"
    """conv5_4 is the paper's VGG54; of a 64x64 image it keeps 4x4 places, conv2_2 32x32."""
    vgg_weight: float = 0.0061


@dataclass(frozen=True, slots=True)
class SrganConfig:
    """A whole training. In each phase `hr_pixel` weighs the content loss, `gan` the adversary."""

    method: Literal["srgan"] = "srgan"
    name: str = "srgan"
    seed: int = 0
    network: SrganNetwork = field(default_factory=SrganNetwork)
    losses: SrganLosses = field(default_factory=SrganLosses)
    data: DataConfig = field(default_factory=DataConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    generator: OptimiserConfig = field(default_factory=lambda: OptimiserConfig(rate=1e-4))
    judge: OptimiserConfig = field(default_factory=lambda: OptimiserConfig(rate=1e-4))

    def __post_init__(self) -> None:
        checked_name(self.name)
        check_seed(self.seed)


class SrganRecipe(RestoresFromLr):
    """Generator and judge; relativistic judging is off, as in the paper."""

    def __init__(self, config: SrganConfig) -> None:
        self.config = config
        self.restorer = SrganGenerator(config.network)
        self.judge = SrganJudge(config.network)
        self.modules: Mapping[str, nn.Module] = {"generator": self.restorer, "judge": self.judge}
        self.averaged: Sequence[str] = ("generator",)
        losses = config.losses
        self._vgg = load_vgg(Path(losses.vgg19), losses.vgg_layer) if losses.vgg19 else None

    def optimiser(self, name: str) -> OptimiserConfig:
        """The configuration of the optimiser of one module."""
        return {"generator": self.config.generator, "judge": self.config.judge}[name]

    def step(self, batch: Batch, phase: PhaseConfig, update: Update) -> dict[str, Tensor]:
        """The generator, then in phases with an adversary the judge."""
        made = self.restorer(batch.lr)
        vgg = self._vgg.to(made.device) if self._vgg is not None and phase.gan else None
        losses = {"content": self._content(made, batch.hr, vgg)}
        loss = phase.hr_pixel * losses["content"]
        if phase.gan:
            with frozen(self.judge):
                losses["gan"] = vanilla(self.judge(made), real=True)
            loss = loss + phase.gan * losses["gan"]
        update(loss, ["generator"])
        if phase.gan:
            losses["judge"] = vanilla(self.judge(batch.hr), real=True) + vanilla(
                self.judge(made.detach()), real=False
            )
            update(losses["judge"], ["judge"])
        return losses

    def _content(self, made: Tensor, target: Tensor, vgg: VggFeatures | None) -> Tensor:
        """Squared differences summed over channels, averaged over places."""
        if vgg is None:
            return (made.float() - target.float()).square().sum(1).mean()
        with torch.no_grad():
            wanted = vgg(target)
        difference: Tensor = vgg(made) - wanted
        return self.config.losses.vgg_weight * difference.square().sum(1).mean()


METHOD: Final = Method(
    name="srgan", config=SrganConfig, recipe=SrganRecipe, restorer=SrganGenerator
)
