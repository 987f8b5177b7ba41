"""Switching a network for a while: no gradients for a judge, evaluation for a restorer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def frozen(*judges: nn.Module) -> Iterator[None]:
    """Judges that pass gradients on but collect none, while a generator learns."""
    before = [(p, p.requires_grad) for judge in judges for p in judge.parameters()]
    for parameter, _ in before:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter, needed in before:
            parameter.requires_grad_(needed)


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Batch normalisation by its running figures, which stay as they are."""
    before = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(before)
