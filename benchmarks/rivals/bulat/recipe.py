"""Training of Bulat et al.: H2L on unpaired faces, and L2H on what H2L makes of HR faces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.rivals.bulat.network import BulatH2L, BulatJudge, BulatL2H, BulatNetwork, lr_target
from benchmarks.rivals.common.adversarial import hinge_generator, hinge_judge
from benchmarks.rivals.common.modes import evaluating, frozen
from benchmarks.rivals.common.recipe import RestoresFromLr
from gflmser.config import DataConfig, OptimiserConfig, PhaseConfig, TrainingConfig, check_seed
from gflmser.names import checked_name
from gflmser.training.method import Method
from gflmser.training.protocols import Update
from gflmser.training.sampler import Batch


def _adam() -> OptimiserConfig:
    return OptimiserConfig(rate=1e-4, betas=(0.0, 0.9))


@dataclass(frozen=True, slots=True)
class BulatConfig:
    """A whole training.

    In each phase `lr_pixel` and `hr_pixel` weigh the pixel losses of H2L and L2H (1 in the paper)
    and `gan` both adversarial losses (0.05).
    """

    method: Literal["bulat"] = "bulat"
    name: str = "bulat"
    seed: int = 0
    network: BulatNetwork = field(default_factory=BulatNetwork)
    data: DataConfig = field(default_factory=DataConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    generators: OptimiserConfig = field(default_factory=_adam)
    judges: OptimiserConfig = field(default_factory=_adam)

    def __post_init__(self) -> None:
        checked_name(self.name)
        check_seed(self.seed)


class BulatRecipe(RestoresFromLr):
    """Two generators, each with its judge; a phase trains either pair or both."""

    def __init__(self, config: BulatConfig) -> None:
        self.config = config
        self.h2l = BulatH2L(config.network)
        self.restorer = BulatL2H(config.network)
        self.h2l_judge = BulatJudge(config.network, 16)
        self.l2h_judge = BulatJudge(config.network, 64)
        self.modules: Mapping[str, nn.Module] = {
            "h2l": self.h2l,
            "h2l_judge": self.h2l_judge,
            "l2h": self.restorer,
            "l2h_judge": self.l2h_judge,
        }
        self.averaged: Sequence[str] = ("l2h",)

    def optimiser(self, name: str) -> OptimiserConfig:
        """The configuration of the optimiser of one module."""
        return self.config.judges if name.endswith("judge") else self.config.generators

    def step(self, batch: Batch, phase: PhaseConfig, update: Update) -> dict[str, Tensor]:
        """H2L and its judge, then L2H and its judge, as far as the phase trains them."""
        code = batch.noise.flatten(1)[:, :64]
        losses: dict[str, Tensor] = {}
        if "h2l" in phase.trains:
            low = self.h2l(batch.hr, code)
            losses["lr_pixel"] = functional.mse_loss(low.float(), lr_target(batch.hr))
            with frozen(self.h2l_judge):
                losses["h2l_gan"] = hinge_generator(self.h2l_judge(low))
            loss = phase.lr_pixel * losses["lr_pixel"] + phase.gan * losses["h2l_gan"]
            update(loss, ["h2l"])
            losses["h2l_judge"] = _judged(self.h2l_judge, batch.real, low)
            update(losses["h2l_judge"], ["h2l_judge"])
        else:
            with torch.no_grad(), evaluating(self.h2l):
                low = self.h2l(batch.hr, code)
        if "l2h" in phase.trains:
            made = self.restorer(low.detach())
            losses["hr_pixel"] = functional.mse_loss(made.float(), batch.hr)
            with frozen(self.l2h_judge):
                losses["l2h_gan"] = hinge_generator(self.l2h_judge(made))
            loss = phase.hr_pixel * losses["hr_pixel"] + phase.gan * losses["l2h_gan"]
            update(loss, ["l2h"])
            losses["l2h_judge"] = _judged(self.l2h_judge, batch.hr, made)
            update(losses["l2h_judge"], ["l2h_judge"])
        return losses


def _judged(judge: BulatJudge, real: Tensor, fake: Tensor) -> Tensor:
    return hinge_judge(judge(real), judge(fake.detach()))


METHOD: Final = Method(name="bulat", config=BulatConfig, recipe=BulatRecipe, restorer=BulatL2H)
