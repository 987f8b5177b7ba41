"""The three adversarial losses that the rivals use, on logits, and switching a judge off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
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


@contextmanager
def frozen(*judges: nn.Module) -> Iterator[None]:
    """Judges that pass gradients on but collect none, while a generator learns."""
    for judge in judges:
        judge.requires_grad_(False)
    try:
        yield
    finally:
        for judge in judges:
            judge.requires_grad_(True)
