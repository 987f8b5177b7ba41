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
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from lightning_fabric import Fabric
from torch import Tensor

from gflmser.config import TrainingConfig
from gflmser.schema import ConfigError
from gflmser.training.batches import Batches, Samples
from gflmser.training.checkpoints import load_checkpoint, save_checkpoint
from gflmser.training.ema import WeightAverage
from gflmser.training.learner import Learner
from gflmser.training.protocols import Log, Recipe, TrainingError, Validate
from gflmser.training.schedule import Pace, phase_at, spans

_EVERY: Final = 20
"""Steps between reports; on a GPU also between looks at the clock and at what is not finite."""


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


class Trainer:
    """Trains one recipe in one folder."""

    def __init__(
        self,
        recipe: Recipe,
        sampler: Samples,
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
        unknown = set(spans(training)) - set(recipe.modules)
        if unknown:
            raise ConfigError(f"phases train '{min(unknown)}', which this method does not have")
        self.learner = Learner(recipe, training, fabric)
        self.average = WeightAverage(
            {name: recipe.modules[name] for name in recipe.averaged}, training.ema
        )
        share = training.batch // fabric.world_size
        indices = range(fabric.global_rank * share, (fabric.global_rank + 1) * share)
        self.batches = Batches(sampler, indices, fabric.device)
        self._every = 1 if fabric.device.type == "cpu" else _EVERY
        self.step = 0
        self.seconds = 0.0
        self.cpu_seconds = 0.0
        self._cpu_counted = time.process_time()
        self.metrics: Mapping[str, float] = {}
        self._stopped = False

    def resume(self) -> None:
        """Go on from the folder's checkpoint.

        Raises ConfigError when there is none, or when it is of other networks or another source.
        """
        state = load_checkpoint(self.checkpoint)
        differing = _differing(state.get("network", {}), self.network)
        if differing:
            raise ConfigError(
                f"{self.checkpoint} is of another network or skip source: {differing}"
            )
        try:
            for name, module in self.recipe.modules.items():
                module.load_state_dict(state["modules"][name])
            self.learner.load_state_dicts(state["optimisers"])
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

    def run(
        self,
        *,
        max_minutes: float | None = None,
        max_steps: int | None = None,
        within: float | None = None,
    ) -> Outcome:
        """Train to the last step, or until the minutes or steps are up; saves a checkpoint anyway.

        `max_steps` counts from the first step of the training, also after `resume`. With `within`
        the whole schedule takes so many minutes, however many steps those are; so does the time of
        earlier sessions count.

        Raises TrainingError when a loss or a gradient is no longer finite; the checkpoint on disk
        is then the last good one. After `stop` the step under way is finished first.
        """
        total = self.training.total_steps
        pace = Pace(total, within, slow=self._warm_ups())
        whole = total if within is None else sys.maxsize
        last = whole if max_steps is None else min(whole, max_steps)
        before, begun = self.seconds, time.monotonic()
        self._cpu_counted = time.process_time()
        first = self.step
        saved = validated = begun
        stop = math.inf if max_minutes is None else begun + 60 * max_minutes
        (stopping,) = self._agree(self._stopped or begun >= stop)
        place = pace.place(self.step, self._mean(before))
        while self.step < last and place < total and not stopping:
            losses = self._one_step(place)
            self.step += 1
            now = time.monotonic()
            self.seconds = before + now - begun
            if within is None:
                place = self.step
            if self.step % _EVERY == 0 or self.step == last:
                left = (now - begun) / (self.step - first) * (last - self.step)
                left = left if within is None else max(0.0, 60 * within - self.seconds)
                self._check()
                self._report(losses, place, left)
            if self.step % self._every:
                continue
            if within is not None:
                place = pace.place(self.step, self._mean(self.seconds))
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
        if self.step >= last or place >= total or max_minutes is not None:
            self.run_validation()
        self.save()
        return Outcome(
            self.step,
            finished=place >= total,
            interrupted=self._stopped and self.step < last and place < total,
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
        self._check()
        self._count_cpu()
        if not self.fabric.is_global_zero:
            return
        save_checkpoint(
            self.checkpoint,
            {
                "modules": {n: m.state_dict() for n, m in self.recipe.modules.items()},
                "optimisers": self.learner.state_dicts(),
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

    def _warm_ups(self) -> list[range]:
        warm_up = self.training.warm_up
        starts = {span.start for span in spans(self.training).values()}
        return [range(start, start + warm_up) for start in starts]

    def _one_step(self, place: int | None = None) -> dict[str, Tensor]:
        """The next step, with phase and rates of `place` in the schedule; its own by default."""
        place = self.step if place is None else place
        batch = self.batches(self.step)
        phase = phase_at(self.training, place)
        self.learner.begin(place, phase)
        try:
            with self.fabric.autocast():
                losses = self.recipe.step(batch, phase, self.learner.update)
        except TrainingError as error:
            raise self._told(error) from error
        self.learner.end()
        self.average.update(self.step)
        return losses

    def _check(self) -> None:
        """Raise TrainingError when a loss or a gradient was not finite: nothing is saved then."""
        try:
            self.learner.check()
        except TrainingError as error:
            raise self._told(error) from error

    def _told(self, error: TrainingError) -> TrainingError:
        return TrainingError(f"step {self.step}: {error}; the last good state is {self.checkpoint}")

    def _agree(self, *wishes: bool) -> list[bool]:
        """Whether any process wishes each: clocks differ, but all must take the same branch."""
        return [total > 0 for total in self._sum(*wishes)]

    def _mean(self, seconds: float) -> float:
        """The time of all processes: all must stand at the same place of the schedule."""
        return self._sum(seconds)[0] / self.fabric.world_size

    def _sum(self, *own: float) -> list[float]:
        """Each over all processes, at one meeting: every meeting waits for the slowest."""
        if self.fabric.world_size == 1:
            return list(own)
        total = self.fabric.all_reduce(torch.tensor(own, dtype=torch.float64), reduce_op="sum")
        assert isinstance(total, Tensor)
        return [float(one) for one in total]

    def _report(self, losses: Mapping[str, Tensor], place: int, left: float) -> None:
        if self.log is None:
            return
        values: dict[str, float] = {f"loss/{k}": float(v.detach()) for k, v in losses.items()}
        self.log.progress(place, self.training.total_steps, values, left)
        self.log.scalars({**values, **self.learner.figures()}, self.step)


def _differing(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """The first choices that changed; one that is younger than the checkpoint has its default."""
    was = {**now, **before}
    changed = sorted(key for key in was if was[key] != now.get(key))
    return ", ".join(f"{key} was {was[key]}, is {now.get(key)}" for key in changed[:3])
