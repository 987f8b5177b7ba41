"""The three losses of section 3.7, each alone; how they are weighed is the training's business."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from gflmser.config import GanLoss, PixelLoss

_CHARBONNIER = 1e-3


def lr_pixel_loss(made: Tensor, target: Tensor) -> Tensor:
    """Equation 5: mean squared difference of H2L's picture and the down-sampled HR picture."""
    return functional.mse_loss(made.float(), target.float())


def hr_pixel_loss(made: Tensor, target: Tensor, kind: PixelLoss = "mse") -> Tensor:
    """Equation 6: difference of L2H's picture and the HR picture; `mse` is the paper's."""
    difference = made.float() - target.float()
    if kind == "mse":
        return difference.square().mean()
    return (difference.square() + _CHARBONNIER**2).sqrt().mean()


def discriminator_loss(real: Tensor, fake: Tensor, kind: GanLoss) -> Tensor:
    """Equation 4 as the discriminator sees it, on the logits of real and made pictures."""
    return 0.5 * (_judge(real, 1.0, kind) + _judge(fake, 0.0, kind))


def generator_loss(fake: Tensor, kind: GanLoss) -> Tensor:
    """Equation 4 as H2L sees it, in the non-saturating form: made pictures should pass as real."""
    return _judge(fake, 1.0, kind)


def _judge(logits: Tensor, label: float, kind: GanLoss) -> Tensor:
    logits = logits.float()
    labels = torch.full_like(logits, label)
    if kind == "vanilla":
        return functional.binary_cross_entropy_with_logits(logits, labels)
    return functional.mse_loss(logits, labels)
