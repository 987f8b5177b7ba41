"""One optimiser for each module: gradients, clipping, rates, and whether all of it is finite.

Nothing here waits for a GPU but `check`: norms stay tensors, and what is not finite is remembered
on the device until somebody asks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from gflmser.config import PhaseConfig, TrainingConfig
from gflmser.training.protocols import Recipe, TrainingError
from gflmser.training.schedule import learning_rate, spans

_LEAST_SCALE: Final = 1e-3
"""A loss scale below this means that fp16 overflows whatever the scale."""


class Learner:
    """Optimisers of a recipe's modules, on the device and in the processes of `fabric`."""

    def __init__(self, recipe: Recipe, training: TrainingConfig, fabric: Fabric) -> None:
        self._modules, self._training, self._fabric = recipe.modules, training, fabric
        self._spans = spans(training)
        self._own = {name: recipe.optimiser(name) for name in recipe.modules}
        self.optimisers: dict[str, Optimizer] = {}
        for name, module in recipe.modules.items():
            module.to(fabric.device)
            if training.channels_last:
                module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            own = self._own[name]
            adam = Adam(
                module.parameters(), lr=own.rate, betas=own.betas, fused=training.fused or None
            )
            self.optimisers[name] = cast(Optimizer, fabric.setup_optimizers(adam))
            if training.compiled:
                module.compile()
        self._scaler: Any = getattr(fabric.strategy.precision, "scaler", None)
        self._unscaled: set[str] = set()
        self._norms: dict[str, Tensor] = {}
        self._broken: dict[str, Tensor] = {}
        self._phase: PhaseConfig | None = None

    def begin(self, step: int, phase: PhaseConfig) -> None:
        """Set the rates of `step`; parameters that `phase` does not train need no gradient."""
        for name, span in self._spans.items():
            rate = learning_rate(self._training, self._own[name], span, step)
            for group in self.optimisers[name].param_groups:
                group["lr"] = rate
        if phase is not self._phase:
            for name, module in self._modules.items():
                module.requires_grad_(name in phase.trains)
                self.optimisers[name].zero_grad(set_to_none=True)
            self._phase = phase

    def update(self, loss: Tensor, names: Sequence[str]) -> None:
        """One optimiser step of the named modules along the gradient of `loss`.

        Raises TrainingError on a CPU when the loss or a gradient is not finite; see `check`.
        """
        what = ", ".join(names)
        self._remember(f"loss of {what}", loss.detach())
        for name in names:
            self.optimisers[name].zero_grad(set_to_none=True)
        if self._unscaled & set(names):  # a second update of a module within one step
            self.end()
        self._fabric.backward(loss)
        # All are unscaled before one steps: the scale must be the same for all of them.
        for name in names:
            self._clip(name)
        if self._fabric.device.type == "cpu":
            self.check()
        for name in names:
            self._step(name)
        torch.clear_autocast_cache()  # it holds casts of the weights as they were

    def end(self) -> None:
        """Adapt the loss scale of fp16, once for all updates of a step."""
        if self._scaler is not None and self._unscaled:
            self._scaler.update()
        self._unscaled.clear()

    def check(self) -> None:
        """Raise TrainingError when something was not finite since the last time.

        Waits for the device.
        """
        broken, self._broken = self._broken, {}
        names = list(broken)
        flags = torch.stack([broken[name] for name in names]).tolist() if names else []
        # Every process has the same names: all meet here as often.
        for name, flag in zip(names, self._any(flags), strict=True):
            if flag:
                raise TrainingError(f"the {name} is not finite")
        if self._scaler is not None and self._scaler.get_scale() < _LEAST_SCALE:
            raise TrainingError("the gradients overflow in fp16 at any scale")

    def figures(self) -> dict[str, float]:
        """Rates and norms of gradients, for the log; waits for a GPU."""
        rates = {f"rate/{n}": float(o.param_groups[0]["lr"]) for n, o in self.optimisers.items()}
        return rates | {f"gradient/{name}": float(norm) for name, norm in self._norms.items()}

    def state_dicts(self) -> dict[str, Any]:
        """The state of each optimiser."""
        return {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()}

    def load_state_dicts(self, states: Mapping[str, Any]) -> None:
        """Put back what `state_dicts` gave."""
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(states[name])

    def _clip(self, name: str) -> None:
        module, optimiser = self._modules[name], self.optimisers[name]
        average_gradients(module, self._fabric)
        limit = self._training.clip or math.inf
        norm = self._fabric.clip_gradients(
            module, optimiser, max_norm=limit, error_if_nonfinite=False
        )
        if norm is not None:
            self._norms[name] = norm
            self._remember(f"gradient of {name}", norm)

    def _step(self, name: str) -> None:
        if self._scaler is None:
            self.optimisers[name].step()
        else:  # Fabric's own `step` would change the scale between two modules
            self._scaler.step(self.optimisers[name].optimizer)  # type: ignore[attr-defined]
        self._unscaled.add(name)

    def _remember(self, what: str, value: Tensor) -> None:
        if self._scaler is not None:  # fp16: steps that overflow are skipped, and the scale falls
            return
        broken = ~torch.isfinite(value).all()
        self._broken[what] = self._broken[what] | broken if what in self._broken else broken

    def _any(self, flags: Sequence[bool]) -> list[bool]:
        if self._fabric.world_size == 1:
            return list(flags)
        counted = torch.tensor(flags, dtype=torch.float64)
        total = self._fabric.all_reduce(counted, reduce_op="sum")
        assert isinstance(total, Tensor)
        return [one > 0 for one in total.tolist()]


def average_gradients(module: nn.Module, fabric: Fabric) -> None:
    """One reduction for a whole module, whichever of its parameters took part."""
    if fabric.world_size == 1:
        return
    parameters = [p for p in module.parameters() if p.requires_grad]
    for p in parameters:
        if p.grad is None:
            p.grad = torch.zeros_like(p)
    flat = torch.cat([p.grad.reshape(-1) for p in parameters if p.grad is not None])
    mean = fabric.all_reduce(flat, reduce_op="mean")
    assert isinstance(mean, Tensor)
    at = 0
    for p in parameters:
        assert p.grad is not None
        p.grad.copy_(mean[at : at + p.numel()].view_as(p.grad))
        at += p.numel()
