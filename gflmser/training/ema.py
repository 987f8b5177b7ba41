"""Averaged weights: a slow copy of the modules that is smoother than any single step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightAverage:
    """Exponential average of parameters and of floating-point buffers; counters are copied.

    Running figures of batch normalisation belong to the weights they were taken with: averaged
    weights with the figures of the latest step restore images of the wrong contrast.

    With decay 0 there is no copy, and `in_place` shows the modules as they are.
    """

    def __init__(self, modules: Mapping[str, nn.Module], decay: float) -> None:
        self.decay = decay
        self._live: dict[str, Tensor] = {}
        self._counters: set[str] = set()
        if not decay:
            return
        for prefix, module in modules.items():
            for name, tensor in module.state_dict(keep_vars=True).items():
                key = f"{prefix}.{name}"
                self._live[key] = tensor
                if not tensor.is_floating_point():
                    self._counters.add(key)
        self._slow = {key: t.detach().clone() for key, t in self._live.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after `step`; early steps weigh more, so that no start lingers."""
        if not self.decay:
            return
        decay = min(self.decay, (1 + step) / (10 + step))
        keys = [key for key in self._live if key not in self._counters]
        torch._foreach_lerp_(
            [self._slow[k] for k in keys], [self._live[k].detach() for k in keys], 1 - decay
        )
        for key in self._counters:
            self._slow[key].copy_(self._live[key])

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The modules hold the averaged weights inside, and exactly their own again outside."""
        if not self.decay:
            yield
            return
        kept = {key: t.detach().clone() for key, t in self._live.items()}
        self._fill(self._slow)
        try:
            yield
        finally:
            self._fill(kept)

    def state_dict(self) -> dict[str, Tensor]:
        """The averaged tensors by name; empty with decay 0."""
        return dict(self._slow) if self.decay else {}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Put back what `state_dict` gave."""
        if self.decay:
            for key, tensor in self._slow.items():
                tensor.copy_(state[key])

    @torch.no_grad()
    def _fill(self, values: Mapping[str, Tensor]) -> None:
        for key, tensor in self._live.items():
            tensor.copy_(values[key])
