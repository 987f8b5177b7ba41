"""The training: AdamW on the changes, a cosine of rates, averaged weights, resumable."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gflmser.training.checkpoints import load_checkpoint, save_checkpoint
from gflmser.training.ema import WeightAverage
from pipeline.environment.devices import resolve_device
from pipeline.identity.dlib_in_torch import shared_net
from pipeline.identity.tuning.batches import Batches, SmallFaces, chips_on, made_ahead
from pipeline.identity.tuning.faces import TrainingFaces
from pipeline.identity.tuning.low_rank import Changes
from pipeline.identity.tuning.seen import chips_of
from pipeline.identity.tuning.settings import Machine, Pace, Settings
from pipeline.identity.views import Upscale
from pipeline.upscalers.interpolation import Interpolator

__all__ = ["Machine", "Settings", "averaged", "train"]

CHECKPOINT = "last.ckpt"
LOG = "log.jsonl"


def train(
    faces: TrainingFaces,
    upscale: Mapping[str, Upscale],
    settings: Settings,
    out: Path,
    *,
    resume: bool = False,
    until: int | None = None,
    machine: Machine | None = None,
    saved: Callable[[int], object] = id,
) -> Iterator[tuple[int, Mapping[str, float]]]:
    """Train in `out`, yield the parts of the loss of each step, and leave a checkpoint.

    Step `t` depends on the seed and `t` alone: a resumed run on a CPU ends with equal weights, if
    its rates do not follow `settings.minutes`. `until` ends it early. `saved` is called with the
    step after every checkpoint. Raises `ConfigError` when there is nothing to resume, `ModelError`
    when the machine's start is of another rank.
    """
    machine = machine or Machine()
    run = _Run(faces, upscale, settings, machine)
    if resume:
        run.load(load_checkpoint(out / CHECKPOINT))
    out.mkdir(parents=True, exist_ok=True)
    pace = Pace(settings, machine.clock)
    kept = machine.clock()
    ready = made_ahead(run.batches, first=run.step, workers=machine.workers)
    with (out / LOG).open("a", encoding="utf-8") as log:
        while (done := pace(run.step)) < 1 and run.step < (until or math.inf):
            parts = run.one_step(next(ready), done)
            log.write(json.dumps({"step": run.step, **parts}) + "\n")
            log.flush()
            if machine.clock() - kept > settings.every_s:
                save_checkpoint(out / CHECKPOINT, run.state())
                saved(run.step)
                kept = machine.clock()
            yield run.step, parts
    save_checkpoint(out / CHECKPOINT, run.state())
    saved(run.step)


def averaged(out: Path) -> dict[str, Tensor]:
    """The averaged changes of the checkpoint in `out`, named as in `Changes.layers`.

    Raises `ConfigError` when there is no checkpoint.
    """
    slow = load_checkpoint(out / CHECKPOINT)["average"]
    return {name.removeprefix("changes.layers."): values for name, values in slow.items()}


class _Run:
    """A training between two steps."""

    def __init__(
        self,
        faces: TrainingFaces,
        upscale: Mapping[str, Upscale],
        settings: Settings,
        machine: Machine,
    ) -> None:
        self.step = 0
        self._upscale, self._settings = upscale, settings
        self._device = resolve_device(machine.device)
        self._by_torch = machine.by_torch or self._device.type != "cpu"
        self._net = machine.net or shared_net()
        if self._device.type != "cpu":
            self._net = copy.deepcopy(self._net).to(self._device)
        self._targets = faces.targets.to(self._device)
        quick = {n: u for n, u in upscale.items() if isinstance(u, Interpolator)}
        self.batches = Batches(
            faces, settings.batch, settings.seed, settings.upscalers, settings.looks,
            here=quick if self._by_torch else {},
        )  # fmt: skip
        self._changes = Changes(self._net, rank=settings.rank, seed=settings.seed)
        if machine.start is not None:
            self._changes.begin_with(machine.start)
        self._changes.to(self._device)
        self._slow = WeightAverage({"changes": self._changes}, settings.decay)
        self._optimiser = torch.optim.AdamW(
            _groups(self._changes, settings.rate), betas=(0.9, 0.99), weight_decay=1e-3
        )

    def one_step(self, batch: SmallFaces, done: float) -> dict[str, float]:
        """Change the weights once; `done` is the share of the run that lies behind."""
        chips, rows = self._chips(batch), torch.from_numpy(batch.rows).to(self._device)
        for group in self._optimiser.param_groups:
            group["lr"] = group["peak"] * _rate(self.step, done, self._settings)
        found = self._changes(self._net, chips)
        loss, parts = self._settings.loss(found, rows, self._targets)
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._changes.parameters(), 1.0)
        self._optimiser.step()
        self._slow.update(self.step)
        self.step += 1
        return parts

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {
            "step": self.step,
            "settings": asdict(self._settings),
            "changes": self._changes.state_dict(),
            "average": self._slow.state_dict(),
            "optimiser": self._optimiser.state_dict(),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint; the settings are those of this run."""
        self.step = int(state["step"])
        self._changes.load_state_dict(state["changes"])
        self._slow.load_state_dict(state["average"])
        self._optimiser.load_state_dict(state["optimiser"])

    def _chips(self, batch: SmallFaces) -> Tensor:
        """Restored and upright, `(N, 3, 150, 150)`."""
        if not self._by_torch:
            small = list(zip(batch.images, batch.marks, strict=True))
            chips = chips_of(small, self._upscale[batch.upscaler])
            return torch.from_numpy(chips).permute(0, 3, 1, 2)
        images = batch.images
        if not batch.restored:
            images = np.stack(self._upscale[batch.upscaler](list(images)))
        return chips_on(images, torch.from_numpy(batch.share).to(self._device))


def _groups(changes: Changes, rate: float) -> Sequence[dict[str, Any]]:
    """`up` starts at zero and moves faster than `down` (LoRA+, arXiv 2402.12354)."""
    peaks = {"down": 0.5, "up": 2.0, "gain": 1.0, "shift": 0.3}
    return [
        {
            "params": [v for k, v in changes.layers.items() if k.endswith(f":{kind}")],
            "peak": factor * rate,
        }
        for kind, factor in peaks.items()
    ]


def _rate(step: int, done: float, settings: Settings) -> float:
    rise = min(1.0, (step + 1) / settings.warmup)
    return rise * 0.5 * (1 + math.cos(math.pi * done))
