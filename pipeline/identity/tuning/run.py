"""The training: AdamW on the changes, a cosine of rates, averaged weights, resumable."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gflmser.training.checkpoints import load_checkpoint, save_checkpoint
from gflmser.training.ema import WeightAverage
from gflmser.training.order import EpochOrder
from pipeline.identity.dlib_in_torch import shared_net
from pipeline.identity.tuning.faces import TrainingFaces
from pipeline.identity.tuning.loss import Loss
from pipeline.identity.tuning.low_rank import Changes
from pipeline.identity.tuning.seen import Looks, chips_of, small_faces
from pipeline.identity.views import Upscale

__all__ = ["Settings", "averaged", "train"]

CHECKPOINT = "last.ckpt"
LOG = "log.jsonl"


@dataclass(frozen=True, slots=True)
class Settings:
    """How the changes are learnt."""

    steps: int = 1500
    batch: int = 32
    rank: int = 24
    rate: float = 1e-3
    warmup: int = 20
    decay: float = 0.99
    """Of the averaged weights."""
    seed: int = 0
    upscalers: Mapping[str, float] = field(
        default_factory=lambda: {"gflmser": 0.5, "gflmser-real": 0.2, "bicubic": 0.3}
    )
    """Share of batches that each restores."""
    looks: Looks = field(default_factory=Looks)
    loss: Loss = field(default_factory=Loss)
    every_s: float = 180.0
    """Seconds between checkpoints."""


def train(
    faces: TrainingFaces,
    upscale: Mapping[str, Upscale],
    settings: Settings,
    out: Path,
    *,
    resume: bool = False,
    until: int | None = None,
) -> Iterator[tuple[int, Mapping[str, float]]]:
    """Train in `out`, yield the parts of the loss of each step, and leave a checkpoint.

    Step `t` depends on the seed and `t` alone: a resumed run ends with equal weights. `until` ends
    it early. Raises `ConfigError` when there is nothing to resume.
    """
    run = _Run(faces, upscale, settings)
    if resume:
        run.load(load_checkpoint(out / CHECKPOINT))
    out.mkdir(parents=True, exist_ok=True)
    saved = time.monotonic()
    with (out / LOG).open("a", encoding="utf-8") as log:
        while run.step < min(settings.steps, until or settings.steps):
            parts = run.one_step()
            log.write(json.dumps({"step": run.step, **parts}) + "\n")
            log.flush()
            if time.monotonic() - saved > settings.every_s:
                save_checkpoint(out / CHECKPOINT, run.state())
                saved = time.monotonic()
            yield run.step, parts
    save_checkpoint(out / CHECKPOINT, run.state())


def averaged(out: Path) -> dict[str, Tensor]:
    """The averaged changes of the checkpoint in `out`, named as in `Changes.layers`.

    Raises `ConfigError` when there is no checkpoint.
    """
    slow = load_checkpoint(out / CHECKPOINT)["average"]
    return {name.removeprefix("changes.layers."): values for name, values in slow.items()}


class _Run:
    """A training between two steps."""

    def __init__(
        self, faces: TrainingFaces, upscale: Mapping[str, Upscale], settings: Settings
    ) -> None:
        self.step = 0
        self._faces, self._upscale, self._settings = faces, upscale, settings
        self._net, self._targets = shared_net(), faces.targets
        self._changes = Changes(self._net, rank=settings.rank, seed=settings.seed)
        self._slow = WeightAverage({"changes": self._changes}, settings.decay)
        self._optimiser = torch.optim.AdamW(
            _groups(self._changes, settings.rate), betas=(0.9, 0.99), weight_decay=1e-3
        )
        self._order = EpochOrder(len(faces), seed=settings.seed)

    def one_step(self) -> dict[str, float]:
        """Draw a batch, change the weights once."""
        chips, rows = self._batch()
        for group in self._optimiser.param_groups:
            group["lr"] = group["peak"] * _rate(self.step, self._settings)
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

    def _batch(self) -> tuple[Tensor, Tensor]:
        settings, looks = self._settings, self._settings.looks
        seed = (settings.seed, self.step)
        draw = np.random.default_rng(seed)
        side = int(draw.choice(looks.sides, p=looks.side_shares))
        names, shares = zip(*settings.upscalers.items(), strict=True)
        name = str(draw.choice(names, p=np.array(shares) / sum(shares)))
        first = self.step * settings.batch
        rows = [self._order(first + i) for i in range(settings.batch)]
        small = small_faces([self._faces[row] for row in rows], side, looks, seed)
        chips = chips_of(small, self._upscale[name])
        return torch.from_numpy(chips).permute(0, 3, 1, 2), torch.tensor(rows)


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


def _rate(step: int, settings: Settings) -> float:
    rise = min(1.0, (step + 1) / settings.warmup)
    return rise * 0.5 * (1 + math.cos(math.pi * min(1.0, step / settings.steps)))
