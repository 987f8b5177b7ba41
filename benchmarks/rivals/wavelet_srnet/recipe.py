"""Training of Wavelet-SRNet: wavelet, texture and full-image losses in one step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import torch
from torch import Tensor, nn

from benchmarks.rivals.common.recipe import RestoresFromLr
from benchmarks.rivals.wavelet_srnet.network import WaveletNetwork, WaveletSrnet, squared, texture
from gflmser.config import DataConfig, OptimiserConfig, PhaseConfig, TrainingConfig, check_seed
from gflmser.names import checked_name
from gflmser.training.method import Method
from gflmser.training.protocols import Update
from gflmser.training.sampler import Batch


@dataclass(frozen=True, slots=True)
class WaveletLosses:
    """Weights of the four losses, and how much detail is asked for."""

    high: float = 0.99
    low: float = 0.01
    image: float = 0.1
    texture: float = 1.0
    texture_ratio: float = 1.2
    decay: float = 5e-4
    """Weight decay of the optimiser; here a loss, which gives Adam the same gradient."""


@dataclass(frozen=True, slots=True)
class WaveletConfig:
    """A whole training; in each phase `hr_pixel` weighs all losses together, usually by 1."""

    method: Literal["wavelet-srnet"] = "wavelet-srnet"
    name: str = "wavelet-srnet"
    seed: int = 0
    network: WaveletNetwork = field(default_factory=WaveletNetwork)
    losses: WaveletLosses = field(default_factory=WaveletLosses)
    data: DataConfig = field(default_factory=DataConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    generator: OptimiserConfig = field(default_factory=lambda: OptimiserConfig(rate=2e-4))

    def __post_init__(self) -> None:
        checked_name(self.name)
        check_seed(self.seed)


class WaveletRecipe(RestoresFromLr):
    """One network."""

    def __init__(self, config: WaveletConfig) -> None:
        self.config = config
        self.restorer: WaveletSrnet = WaveletSrnet(config.network)
        self.modules: Mapping[str, nn.Module] = {"generator": self.restorer}
        self.averaged: Sequence[str] = ("generator",)

    def optimiser(self, name: str) -> OptimiserConfig:
        """The configuration of the optimiser of the only module."""
        return {"generator": self.config.generator}[name]

    def step(self, batch: Batch, phase: PhaseConfig, update: Update) -> dict[str, Tensor]:
        """Predict the packet, compare it and its image."""
        weights = self.config.losses
        haar = self.restorer.haar
        target = (batch.hr + 1) / 2
        wanted = haar(target)
        packet = self.restorer.packet(batch.lr)
        losses = {
            "high": squared(packet[:, 3:], wanted[:, 3:]),
            "low": squared(packet[:, :3], wanted[:, :3]),
            "image": squared(haar.inverse(packet), target),
            "texture": texture(packet[:, 3:], wanted[:, 3:], weights.texture_ratio),
        }
        loss = (
            weights.high * losses["high"]
            + weights.low * losses["low"]
            + weights.image * losses["image"]
            + weights.texture * losses["texture"]
        )
        if weights.decay:
            squares = torch._foreach_norm(list(self.restorer.parameters()))
            losses["decay"] = 0.5 * weights.decay * torch.stack(squares).square().sum()
            loss = loss + losses["decay"]
        update(phase.hr_pixel * loss, ["generator"])
        return losses


METHOD: Final = Method(
    name="wavelet-srnet", config=WaveletConfig, recipe=WaveletRecipe, restorer=WaveletSrnet
)
