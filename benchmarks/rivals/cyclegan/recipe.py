"""Training of CycleGAN on unpaired faces: real low-resolution ones, enlarged, and HR ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import torch
from torch import Tensor, nn

from benchmarks.rivals.common.adversarial import least_squares
from benchmarks.rivals.common.modes import frozen
from benchmarks.rivals.common.recipe import RestoresFromLr
from benchmarks.rivals.cyclegan.network import (
    CycleganNetwork,
    CycleganRestorer,
    PatchJudge,
    Translator,
    l1,
)
from gflmser.config import DataConfig, OptimiserConfig, PhaseConfig, TrainingConfig, check_seed
from gflmser.names import checked_name
from gflmser.network import enlarge
from gflmser.training.method import Method
from gflmser.training.protocols import Update
from gflmser.training.sampler import Batch


@dataclass(frozen=True, slots=True)
class CycleganLosses:
    """Weights beside the adversarial loss."""

    cycle: float = 10.0
    identity: float = 5.0
    """An image that is of the other domain already should stay: half of `cycle`."""


@dataclass(frozen=True, slots=True)
class CycleganConfig:
    """A whole training. In each phase `gan` weighs the adversarial loss, usually by 1."""

    method: Literal["cyclegan"] = "cyclegan"
    name: str = "cyclegan"
    seed: int = 0
    network: CycleganNetwork = field(default_factory=CycleganNetwork)
    losses: CycleganLosses = field(default_factory=CycleganLosses)
    reduced: float = 0.0
    """Share of the LR domain that is reduced faces, not of the HR images beside them."""
    data: DataConfig = field(default_factory=DataConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    translators: OptimiserConfig = field(
        default_factory=lambda: OptimiserConfig(rate=2e-4, betas=(0.5, 0.999))
    )
    judges: OptimiserConfig = field(
        default_factory=lambda: OptimiserConfig(rate=2e-4, betas=(0.5, 0.999))
    )

    def __post_init__(self) -> None:
        checked_name(self.name)
        check_seed(self.seed)


class CycleganRecipe(RestoresFromLr):
    """Two translators, two judges."""

    def __init__(self, config: CycleganConfig) -> None:
        self.config = config
        self.restorer: CycleganRestorer = CycleganRestorer(config.network)
        self.to_lr = Translator(config.network)
        self.judge_hr, self.judge_lr = PatchJudge(config.network), PatchJudge(config.network)
        self.modules: Mapping[str, nn.Module] = {
            "to_hr": self.restorer,
            "to_lr": self.to_lr,
            "judge_hr": self.judge_hr,
            "judge_lr": self.judge_lr,
        }
        self.averaged: Sequence[str] = ("to_hr",)

    def optimiser(self, name: str) -> OptimiserConfig:
        """The configuration of the optimiser of one module."""
        return self.config.judges if name.startswith("judge") else self.config.translators

    def step(self, batch: Batch, phase: PhaseConfig, update: Update) -> dict[str, Tensor]:
        """Both translators together, then each judge on images of its pool."""
        to_hr, to_lr = self.restorer.translator, self.to_lr
        low, high = enlarge(self._low(batch)), batch.hr
        fake_high, fake_low = to_hr(low), to_lr(high)
        weights = self.config.losses
        losses = {
            "cycle": l1(to_lr(fake_high), low) + l1(to_hr(fake_low), high),
            "identity": l1(to_hr(high), high) + l1(to_lr(low), low),
        }
        with frozen(self.judge_hr, self.judge_lr):
            losses["gan"] = least_squares(self.judge_hr(fake_high), True) + least_squares(
                self.judge_lr(fake_low), True
            )
        update(
            phase.gan * losses["gan"]
            + weights.cycle * losses["cycle"]
            + weights.identity * losses["identity"],
            ["to_hr", "to_lr"],
        )
        losses["judge_hr"] = _judged(self.judge_hr, high, fake_high)
        update(losses["judge_hr"], ["judge_hr"])
        losses["judge_lr"] = _judged(self.judge_lr, low, fake_low)
        update(losses["judge_lr"], ["judge_lr"])
        return losses

    def _low(self, batch: Batch) -> Tensor:
        """`(N, 3, 16, 16)` of the LR domain: real ones, and `reduced` of the batch, unpaired."""
        count = round(self.config.reduced * len(batch.lr))
        return torch.cat((batch.lr.roll(1, 0)[:count], batch.real[count:]))


def _judged(judge: PatchJudge, real: Tensor, fake: Tensor) -> Tensor:
    shown = judge.from_pool(fake)
    return 0.5 * (least_squares(judge(real), True) + least_squares(judge(shown), False))


METHOD: Final = Method(
    name="cyclegan", config=CycleganConfig, recipe=CycleganRecipe, restorer=CycleganRestorer
)
