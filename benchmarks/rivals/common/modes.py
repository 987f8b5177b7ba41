"""Switching a network for a while: no gradients for a judge, evaluation for a restorer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


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


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Batch normalisation by its running figures, which stay as they are."""
    before = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(before)
