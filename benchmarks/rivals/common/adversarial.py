"""The three adversarial losses that the rivals use, on logits."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def vanilla(logits: Tensor, real: bool) -> Tensor:
    """Cross entropy against `real` or not (SRGAN)."""
    logits = logits.float()
    labels = torch.full_like(logits, float(real))
    return functional.binary_cross_entropy_with_logits(logits, labels)


def least_squares(logits: Tensor, real: bool) -> Tensor:
    """Squared distance from 1 or 0 (CycleGAN)."""
    return (logits.float() - float(real)).square().mean()


def hinge_judge(real: Tensor, fake: Tensor) -> Tensor:
    """What a judge with spectral normalisation minimises (Bulat et al.)."""
    return functional.relu(1 - real.float()).mean() + functional.relu(1 + fake.float()).mean()


def hinge_generator(fake: Tensor) -> Tensor:
    """What its generator minimises."""
    return -fake.float().mean()
