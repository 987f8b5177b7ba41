"""GFLmser as a recipe for the training loop: its modules, its step, its sample function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from gflmser.cards import WeightsError
from gflmser.config import Config, OptimiserConfig, PhaseConfig
from gflmser.load import load_gflmser
from gflmser.losses import (
    detector_loss,
    discriminator_loss,
    diversity_loss,
    generator_loss,
    gradient_penalty,
    hr_pixel_loss,
    lr_pixel_loss,
)
from gflmser.network import Discriminator, GFLmser, H2LNet
from gflmser.schema import ConfigError
from gflmser.teacher import Teacher
from gflmser.training.protocols import Update
from gflmser.training.sampler import Batch


class GFLmserRecipe:
    """The two networks, the discriminator of H2L's images, and the losses of section 3.7."""

    def __init__(self, config: Config) -> None:
        if config.network.tied and any(
            "l2h" in phase.trains and "h2l" not in phase.trains for phase in config.training.phases
        ):
            raise ConfigError("tied weights are those of h2l: train h2l in every phase of l2h")
        if not config.data.real_lr and any(phase.gan > 0 for phase in config.training.phases):
            raise ConfigError("'data.real_lr' is empty: the discriminator needs real images")
        taught = any(phase.teacher > 0 for phase in config.training.phases)
        if taught and not config.teacher:
            raise ConfigError("'teacher' is empty: a phase has a share of it")
        self.teacher = Teacher(config.teacher) if taught else None
        self.config = config
        self.model = _first_weights(config)
        self.discriminator = Discriminator(config.network.judge_width)
        self.modules: Mapping[str, nn.Module] = {
            "h2l": self.model.h2l,
            "l2h": self.model.l2h,
            "discriminator": self.discriminator,
        }
        self.averaged: Sequence[str] = ("h2l", "l2h")

    @property
    def restorer(self) -> GFLmser:
        """What the weights hold: both networks."""
        return self.model

    def optimiser(self, name: str) -> OptimiserConfig:
        """The configuration of the optimiser of one module."""
        training = self.config.training
        return {
            "h2l": training.h2l,
            "l2h": training.l2h,
            "discriminator": training.discriminator,
        }[name]

    def step(self, batch: Batch, phase: PhaseConfig, update: Update) -> dict[str, Tensor]:
        """One step of `phase`: the generators first, then the discriminator."""
        losses: dict[str, Tensor] = {}
        made, skips = self._degraded(batch, phase)
        weighed = [] if made is None else self._losses_of_h2l(batch, phase, made, losses)
        if phase.hr_pixel > 0 or phase.hr_detector > 0:
            lr = self._lr(batch, made, joint=phase.joint)
            estimates = [self.model.l2h(lr, skips)] if skips else self.model.restore_passes(lr)
            target = self._target(batch.hr, lr, phase)
            losses["hr_pixel"] = self._over_passes(estimates, target, self._pixel)
            weighed.append(phase.hr_pixel * losses["hr_pixel"])
            if phase.hr_detector > 0:
                losses["hr_detector"] = self._over_passes(estimates, batch.hr, detector_loss)
                weighed.append(phase.hr_detector * losses["hr_detector"])
        generators = [name for name in phase.trains if name != "discriminator"]
        if weighed and generators:
            update(torch.stack(weighed).sum(), generators)
        if made is not None and phase.gan > 0 and "discriminator" in phase.trains:
            losses["discriminator"] = discriminator_loss(
                self.discriminator(batch.real),
                self.discriminator(made.detach()),
                self.config.training.gan_loss,
            )
            update(self._with_penalty(losses, batch.real, phase), ["discriminator"])
        return losses

    def _with_penalty(self, losses: dict[str, Tensor], real: Tensor, phase: PhaseConfig) -> Tensor:
        if phase.gan_penalty == 0:
            return losses["discriminator"]
        losses["gan_penalty"] = gradient_penalty(self.discriminator, real)
        return losses["discriminator"] + phase.gan_penalty * losses["gan_penalty"]

    def sample(self, lr: Tensor, hr: Tensor | None) -> Tensor:
        """`(N, 3, H, W)` restored; `hr` is looked at by oracle sources only."""
        return self.model.restore(lr, hr if self.config.network.oracle else None)

    def _degraded(
        self, batch: Batch, phase: PhaseConfig
    ) -> tuple[Tensor | None, list[Tensor] | None]:
        """H2L's images and, of an oracle, the skips of the same pass; None where not asked for."""
        restoring = phase.hr_pixel > 0 or phase.hr_detector > 0
        if self.config.network.oracle and restoring:
            made, skips = self.model.h2l(self.model.seen_by_oracle(batch.hr), batch.noise)
            return made, skips
        if max(phase.lr_pixel, phase.gan, phase.diversity) > 0:
            return self.model.degrade(self.model.seen_by_oracle(batch.hr), batch.noise), None
        return None, None

    def _losses_of_h2l(
        self, batch: Batch, phase: PhaseConfig, made: Tensor, losses: dict[str, Tensor]
    ) -> list[Tensor]:
        """What H2L learns from, entered into `losses`; the same with their weights."""
        weighed: list[Tensor] = []
        if phase.lr_pixel > 0:
            losses["lr_pixel"] = lr_pixel_loss(made, batch.target)
            weighed.append(phase.lr_pixel * losses["lr_pixel"])
        if phase.gan > 0:
            self.discriminator.requires_grad_(False)
            losses["gan"] = generator_loss(self.discriminator(made), self.config.training.gan_loss)
            self.discriminator.requires_grad_("discriminator" in phase.trains)
            weighed.append(phase.gan * losses["gan"])
        if phase.diversity > 0:
            other = self.model.degrade(self.model.seen_by_oracle(batch.hr), batch.noise.roll(1, 0))
            losses["diversity"] = diversity_loss(made, other, phase.diversity_cap)
            weighed.append(phase.diversity * losses["diversity"])
        return weighed

    def _target(self, hr: Tensor, lr: Tensor, phase: PhaseConfig) -> Tensor:
        """The ground truth, or a mixture of it and the teacher's image."""
        if self.teacher is None or phase.teacher == 0:
            return hr
        return hr.lerp(self.teacher(lr.detach()).to(hr.dtype), phase.teacher)

    def _lr(self, batch: Batch, made: Tensor | None, *, joint: bool) -> Tensor:
        """The LR images of the batch, those of `by_h2l` from H2L."""
        if not self.config.data.h2l:
            return batch.lr
        chosen = batch.by_h2l
        if made is None:
            # On a CPU nothing is computed in vain; elsewhere shapes that never change are faster.
            if batch.hr.device.type == "cpu":
                return self._some_by_h2l(batch)
            with torch.no_grad():
                made = self.model.degrade(batch.hr, batch.noise)
        made = (made if joint else made.detach()).to(batch.lr.dtype)
        return torch.where(chosen.view(-1, 1, 1, 1), made, batch.lr)

    def _some_by_h2l(self, batch: Batch) -> Tensor:
        chosen = batch.by_h2l
        if not bool(chosen.any()):
            return batch.lr
        lr = batch.lr.clone(memory_format=torch.channels_last)
        with torch.no_grad():
            lr[chosen] = self.model.degrade(batch.hr[chosen], batch.noise[chosen]).to(lr.dtype)
        return lr

    def _pixel(self, made: Tensor, target: Tensor) -> Tensor:
        return hr_pixel_loss(made, target, self.config.training.hr_loss)

    @staticmethod
    def _over_passes(
        estimates: Sequence[Tensor], target: Tensor, loss: Callable[[Tensor, Tensor], Tensor]
    ) -> Tensor:
        """Early passes count half: the last is what is used, the others must lead to it."""
        shares = [0.5] * (len(estimates) - 1) + [1.0]
        losses = [w * loss(made, target) for w, made in zip(shares, estimates, strict=True)]
        return torch.stack(losses).sum() / sum(shares)


def _first_weights(config: Config) -> GFLmser:
    """The network of `config`, fresh or as `config.start` left it.

    Raises ConfigError when those weights are of another network or of another skip source.
    """
    if not config.start:
        return GFLmser(config.network)
    try:
        model, card = load_gflmser(config.start)
    except WeightsError as error:
        raise ConfigError(f"'start': {error}") from error
    if model.config != config.network:
        raise ConfigError(f"'start': {card.name} is not the network that 'network' describes")
    if card.role == "restorer":
        if wanted := _degrader_wanted(config):
            raise ConfigError(
                f"'start': {card.name} holds the restorer alone, and {wanted} needs H2L; start "
                "from weights that hold both networks, or do without"
            )
        model.h2l = H2LNet(config.network)
    return model.train()


def _degrader_wanted(config: Config) -> str:
    """The key of a configuration that needs a trained H2L; empty where none does."""
    if config.data.h2l > 0:
        return "data.h2l"
    degrading = (p.name for p in config.training.phases if p.lr_pixel > 0 or p.gan > 0)
    phase = next(degrading, "")
    return f"phase '{phase}'" if phase else ""
