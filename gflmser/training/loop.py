"""The training loop, for GFLmser and for its rivals alike.

A method is a `Recipe`: named modules, an optimiser for each, a `step` that computes losses from a
batch and hands each to `update`, and a `sample` that restores. The loop owns everything else. It
owns devices and processes (Lightning Fabric), precision, and gradients: backward, averaging over
processes, clipping, the optimiser's step, finiteness. It also owns learning rates, averaged
weights, validation, checkpoints, resuming, TensorBoard and progress. To train a rival, write its
networks, its losses and a class with the members of `Recipe`; nothing here names GFLmser.

    class SrganRecipe:
        modules = {"generator": ..., "discriminator": ...}
        averaged = ("generator",)
        def optimiser(self, name): return OptimiserConfig(rate=1e-4)
        def step(self, batch, phase, update):
            fake = self.modules["generator"](batch.lr)
            loss = mse(fake, batch.hr) + 1e-3 * adversarial(...)
            update(loss, ["generator"])
            ...
            update(d_loss, ["discriminator"])
            return {"pixel": ..., "gan": ...}
        def sample(self, lr, hr): return self.modules["generator"](lr)

Batches depend on (seed, step, index) only (see `batches`), so a checkpoint needs no loader state
and a resumed run on CPU repeats an uninterrupted one bit for bit.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from gflmser.config import OptimiserConfig, PhaseConfig, TrainingConfig
from gflmser.schema import ConfigError
from gflmser.training.checkpoints import load_checkpoint, save_checkpoint
from gflmser.training.ema import WeightAverage
from gflmser.training.prefetch import AHEAD, Prefetched
from gflmser.training.sampler import Batch, Sampler

Update = Callable[[Tensor, Sequence[str]], None]
"""`update(loss, names)`: one optimiser step of the named modules; the others stay as they are."""


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
        """Compute losses, call `update` for each group of modules; the losses, to be logged."""
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


Validate = Callable[[Callable[[Tensor, Tensor | None], Tensor], int], Mapping[str, float]]
"""`validate(restore, step)`: figures of the restorer; may write pictures on the way."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a training ended."""

    step: int
    finished: bool
    """False when the time was up before the last step."""
    interrupted: bool
    """Whether `stop` ended it before that."""
    seconds: float
    """Wall time of all sessions of this training together."""
    cpu_seconds: float
    """Time of all cores in them, of all processes together."""
    metrics: Mapping[str, float]
    """The last validation; empty if there was none."""


@dataclass(frozen=True, slots=True)
class Span:
    """The steps in which a module learns: from `start` up to, not including, `end`."""

    start: int
    end: int


def spans(training: TrainingConfig) -> dict[str, Span]:
    """For every module that some phase trains, from its first step to its last."""
    found: dict[str, Span] = {}
    at = 0
    for phase in training.phases:
        end = at + training.steps(phase.length)
        for name in phase.trains:
            found[name] = Span(found[name].start if name in found else at, end)
        at = end
    return found


def phase_at(training: TrainingConfig, step: int) -> PhaseConfig:
    """The phase that `step` belongs to; the last one for any step beyond."""
    at = 0
    for phase in training.phases:
        at += training.steps(phase.length)
        if step < at:
            return phase
    return training.phases[-1]


def learning_rate(training: TrainingConfig, own: OptimiserConfig, span: Span, step: int) -> float:
    """The rate at `step`, never 0 before the span's end.

    A cosine ends at 1 % of the peak; `linear` is constant for half of the span and then falls to 0.
    """
    rate = own.rate
    if training.warm_up:
        rate *= min(1.0, (step - span.start + 1) / training.warm_up)
    if training.schedule == "step":
        rate *= 0.1 ** sum(step >= training.steps(m) for m in own.milestones)
    done = min(1.0, max(0.0, (step - span.start) / max(1, span.end - span.start)))
    if training.schedule == "cosine":
        rate *= 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done))
    elif training.schedule == "linear":
        rate *= min(1.0, 2 * (1 - done))
    return rate


class Trainer:
    """Trains one recipe in one folder."""

    def __init__(
        self,
        recipe: Recipe,
        sampler: Sampler,
        training: TrainingConfig,
        *,
        fabric: Fabric,
        folder: Path,
        log: Log | None = None,
        validate: Validate | None = None,
        network: Mapping[str, Any] | None = None,
        earlier: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """`network` describes the networks in plain values: a checkpoint of others is refused.

        `earlier` are the trainings behind the first weights; both are kept in the checkpoint.
        """
        if not training.phases:
            raise ConfigError("'training.phases' is empty: nothing to do")
        if training.batch % fabric.world_size:
            raise ConfigError(f"batch {training.batch} does not divide by {fabric.world_size}")
        self.recipe, self.sampler, self.training, self.fabric = recipe, sampler, training, fabric
        self.log = log if fabric.is_global_zero else None
        self.validate = validate if fabric.is_global_zero else None
        self.checkpoint = folder / "checkpoint.pt"
        self.network = dict(network or {})
        self.earlier = [dict(one) for one in earlier]
        self.spans = spans(training)
        unknown = set(self.spans) - set(recipe.modules)
        if unknown:
            raise ConfigError(f"phases train '{min(unknown)}', which this method does not have")
        self.optimisers: dict[str, Optimizer] = {}
        for name, module in recipe.modules.items():
            module.to(fabric.device)
            module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            own = recipe.optimiser(name)
            adam = Adam(module.parameters(), lr=own.rate, betas=own.betas)
            self.optimisers[name] = cast(Optimizer, fabric.setup_optimizers(adam))
        self.average = WeightAverage(
            {name: recipe.modules[name] for name in recipe.averaged}, training.ema
        )
        share = training.batch // fabric.world_size
        indices = range(fabric.global_rank * share, (fabric.global_rank + 1) * share)
        ahead = 0 if fabric.device.type == "cpu" else AHEAD
        self.batches = Prefetched(sampler.batch, indices, ahead=ahead)
        self.step = 0
        self.seconds = 0.0
        self.cpu_seconds = 0.0
        self._cpu_counted = time.process_time()
        self.metrics: Mapping[str, float] = {}
        self._norms: dict[str, float] = {}
        self._stopped = False

    def resume(self) -> None:
        """Go on from the folder's checkpoint.

        Raises ConfigError when there is none, or when it is of other networks or another source.
        """
        state = load_checkpoint(self.checkpoint, self.fabric.device)
        differing = _differing(state.get("network", {}), self.network)
        if differing:
            raise ConfigError(
                f"{self.checkpoint} is of another network or skip source: {differing}"
            )
        try:
            for name, module in self.recipe.modules.items():
                module.load_state_dict(state["modules"][name])
                self.optimisers[name].load_state_dict(state["optimisers"][name])
            self.average.load_state_dict(state["average"])
            self.fabric.strategy.precision.load_state_dict(state["precision"])
        except (RuntimeError, KeyError, ValueError) as error:
            raise ConfigError(f"{self.checkpoint} does not fit these networks: {error}") from error
        self.step, self.seconds = int(state["step"]), float(state["seconds"])
        self.cpu_seconds = float(state["cpu_seconds"])
        self.metrics = dict(state["metrics"])
        self.earlier = list(state["earlier"])
        torch.set_rng_state(state["torch_rng"].cpu())

    def restore(self, lr: Tensor, hr: Tensor | None) -> Tensor:
        """The recipe's `sample` on the device of the training; tensors may be anywhere."""
        device = self.fabric.device
        return self.recipe.sample(lr.to(device), None if hr is None else hr.to(device))

    def run(self, *, max_minutes: float | None = None, max_steps: int | None = None) -> Outcome:
        """Train to the last step, or until the minutes or steps are up; saves a checkpoint anyway.

        `max_steps` counts from the first step of the training, also after `resume`.

        Raises TrainingError when a loss or a gradient is no longer finite; the checkpoint on disk
        is then the last good one. After `stop` the step under way is finished first.
        """
        total = self.training.total_steps
        last = total if max_steps is None else min(total, max_steps)
        before, begun = self.seconds, time.monotonic()
        self._cpu_counted = time.process_time()
        first = self.step
        saved = validated = begun
        stop = math.inf if max_minutes is None else begun + 60 * max_minutes
        (stopping,) = self._agree(self._stopped or begun >= stop)
        while self.step < last and not stopping:
            losses = self._one_step()
            self.step += 1
            now = time.monotonic()
            self.seconds = before + now - begun
            if self.step % 20 == 0 or self.step == last:
                left = (now - begun) / (self.step - first) * (last - self.step)
                self._report(losses, total, left)
            stopping, validating, saving = self._agree(
                self._stopped or now >= stop,
                now - validated >= 60 * self.training.validate_minutes,
                now - saved >= 60 * self.training.checkpoint_minutes,
            )
            if validating:
                self.run_validation()
                validated = time.monotonic()
            if saving:
                self.save()
                saved = time.monotonic()
        if self.step >= last or max_minutes is not None:
            self.run_validation()
        self.save()
        return Outcome(
            self.step,
            finished=self.step >= total,
            interrupted=self._stopped and self.step < last,
            seconds=self.seconds,
            cpu_seconds=self.cpu_seconds,
            metrics=self.metrics,
        )

    def stop(self) -> None:
        """Make `run` end after the step under way; safe to call from a signal handler."""
        self._stopped = True

    def run_validation(self) -> None:
        """Measure the averaged weights; only the first process does."""
        if self.validate is not None:
            with self.average.in_place(), torch.no_grad():
                self.metrics = dict(self.validate(self.restore, self.step))
            if self.log is not None:
                self.log.scalars({f"val/{k}": v for k, v in self.metrics.items()}, self.step)
        self.fabric.barrier()

    def save(self) -> None:
        """Write the checkpoint whole or not at all; every process must call it."""
        self._count_cpu()
        if not self.fabric.is_global_zero:
            return
        save_checkpoint(
            self.checkpoint,
            {
                "modules": {n: m.state_dict() for n, m in self.recipe.modules.items()},
                "optimisers": {n: o.state_dict() for n, o in self.optimisers.items()},
                "average": self.average.state_dict(),
                "precision": self.fabric.strategy.precision.state_dict(),
                "step": self.step,
                "seconds": self.seconds,
                "cpu_seconds": self.cpu_seconds,
                "metrics": dict(self.metrics),
                "network": self.network,
                "earlier": self.earlier,
                "torch_rng": torch.get_rng_state(),
            },
        )

    def _count_cpu(self) -> None:
        now = time.process_time()
        (spent,) = self._sum(now - self._cpu_counted)
        self.cpu_seconds += spent
        self._cpu_counted = now

    def _one_step(self) -> dict[str, Tensor]:
        batch = self.batches(self.step).to(self.fabric.device)
        for name, span in self.spans.items():
            rate = learning_rate(self.training, self.recipe.optimiser(name), span, self.step)
            for group in self.optimisers[name].param_groups:
                group["lr"] = rate
        with self.fabric.autocast():
            losses = self.recipe.step(batch, phase_at(self.training, self.step), self._update)
        self.average.update(self.step)
        return losses

    def _update(self, loss: Tensor, names: Sequence[str]) -> None:
        if not self._agree_finite(loss):
            raise TrainingError(
                f"step {self.step}: the loss of {', '.join(names)} is not finite; "
                f"the last good state is {self.checkpoint}"
            )
        for name in names:
            self.optimisers[name].zero_grad(set_to_none=True)
        self.fabric.backward(loss)
        for name in names:
            module, optimiser = self.recipe.modules[name], self.optimisers[name]
            self._average_gradients(module)
            limit = self.training.clip or math.inf
            norm = self.fabric.clip_gradients(
                module, optimiser, max_norm=limit, error_if_nonfinite=False
            )
            self._norms[name] = float(norm) if norm is not None else math.nan
            if not math.isfinite(self._norms[name]) and self.training.precision != "16-mixed":
                raise TrainingError(
                    f"step {self.step}: the gradient of {name} is not finite; "
                    f"the last good state is {self.checkpoint}"
                )
            optimiser.step()
        torch.clear_autocast_cache()  # it holds casts of the weights as they were

    def _average_gradients(self, module: nn.Module) -> None:
        """One reduction for a whole module, whichever of its parameters took part."""
        if self.fabric.world_size == 1:
            return
        parameters = [p for p in module.parameters() if p.requires_grad]
        for p in parameters:
            if p.grad is None:
                p.grad = torch.zeros_like(p)
        flat = torch.cat([p.grad.reshape(-1) for p in parameters if p.grad is not None])
        mean = self.fabric.all_reduce(flat, reduce_op="mean")
        assert isinstance(mean, Tensor)
        at = 0
        for p in parameters:
            assert p.grad is not None
            p.grad.copy_(mean[at : at + p.numel()].view_as(p.grad))
            at += p.numel()

    def _agree_finite(self, loss: Tensor) -> bool:
        (broken,) = self._agree(not bool(torch.isfinite(loss.detach()).all()))
        return not broken

    def _agree(self, *wishes: bool) -> list[bool]:
        """Whether any process wishes each: clocks differ, but all must take the same branch."""
        return [total > 0 for total in self._sum(*wishes)]

    def _sum(self, *own: float) -> list[float]:
        """Each over all processes, at one meeting: every meeting waits for the slowest."""
        if self.fabric.world_size == 1:
            return list(own)
        total = self.fabric.all_reduce(torch.tensor(own, dtype=torch.float64), reduce_op="sum")
        assert isinstance(total, Tensor)
        return [float(one) for one in total]

    def _report(self, losses: Mapping[str, Tensor], total: int, left: float) -> None:
        if self.log is None:
            return
        values: dict[str, float] = {f"loss/{k}": float(v.detach()) for k, v in losses.items()}
        self.log.progress(self.step, total, values, left)
        rates = {f"rate/{n}": o.param_groups[0]["lr"] for n, o in self.optimisers.items()}
        norms = {f"gradient/{n}": v for n, v in self._norms.items()}
        self.log.scalars({**values, **rates, **norms}, self.step)


def _differing(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """The first choices that changed; one that is younger than the checkpoint has its default."""
    was = {**now, **before}
    changed = sorted(key for key in was if was[key] != now.get(key))
    return ", ".join(f"{key} was {was[key]}, is {now.get(key)}" for key in changed[:3])


def slow_precision(training: TrainingConfig, *, device: str) -> str:
    """What to tell the user when this CPU has to emulate bf16; else empty."""
    has = torch.cpu.get_capabilities()
    fast = any(has.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    if device != "cpu" or training.precision != "bf16-mixed" or fast:
        return ""
    return (
        "bf16-mixed is slow here: this CPU has neither AVX512-BF16 nor AMX; "
        "--set training.precision=32-true is faster"
    )


def make_fabric(training: TrainingConfig, *, device: str, devices: int = 1) -> Fabric:
    """Fabric for one process, or for the processes that torchrun has started (DDP).

    On a CPU `bf16-mixed` is taken at its word; elsewhere mixed precision is for CUDA alone.
    """
    cuda = device.startswith("cuda")
    mixed = cuda or (device == "cpu" and training.precision == "bf16-mixed")
    options: dict[str, Any] = {"strategy": "ddp"} if devices > 1 else {}
    fabric = Fabric(
        accelerator="cuda" if cuda else device,
        devices=[int(device[5:])] if device.startswith("cuda:") else devices,
        precision=training.precision if mixed else "32-true",
        **options,
    )
    fabric.launch()
    return fabric
