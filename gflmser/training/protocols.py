"""What the training loop asks of a method, of a log and of a validation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from torch import Tensor, nn

from gflmser.config import OptimiserConfig, PhaseConfig
from gflmser.training.sampler import Batch

Update = Callable[[Tensor, Sequence[str]], None]
"""`update(loss, names)`: one optimiser step of the named modules; the others stay as they are."""

Validate = Callable[[Callable[[Tensor, Tensor | None], Tensor], int], Mapping[str, float]]
"""`validate(restore, step)`: figures of the restorer; may write images on the way."""


class TrainingError(RuntimeError):
    """Training cannot go on; the last checkpoint is good."""


class Recipe(Protocol):
    """A method that the loop can train."""

    modules: Mapping[str, nn.Module]
    averaged: Sequence[str]
    """Modules of which averaged weights are kept; `sample` uses only these."""

    def optimiser(self, name: str) -> OptimiserConfig:
        """How the module of that name learns."""
        ...

    def step(self, batch: Batch, phase: PhaseConfig, update: Update) -> dict[str, Tensor]:
        """Compute losses, call `update` for each group of modules; the losses, to be logged.

        Parameters of modules outside `phase.trains` require no gradient.
        """
        ...

    def sample(self, lr: Tensor, hr: Tensor | None) -> Tensor:
        """Restore; `hr` is for oracles, which say so themselves."""
        ...


class Log(Protocol):
    """Where figures go while training runs; only the first process writes."""

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Named figures of one step."""
        ...

    def progress(self, step: int, total: int, values: Mapping[str, float], eta_s: float) -> None:
        """A line for whoever watches."""
        ...
