"""How the changes are learnt, on which machine, and how far a run has come."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torch import Tensor

from pipeline.identity.dlib_in_torch import FaceNet
from pipeline.identity.tuning.loss import Loss
from pipeline.identity.tuning.seen import Looks

__all__ = ["Machine", "Pace", "Settings"]


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
    minutes: float | None = None
    """Ends the run and, in place of `steps`, its cosine: it always ends with small steps."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Where the training runs, and from what."""

    device: str = "cpu"
    workers: int = 0
    """Processes that make batches ahead."""
    net: FaceNet | None = None
    """The frozen network; None: dlib's as installed."""
    start: Mapping[str, Tensor] | None = None
    """Changes to begin with, named as in `Changes.layers`; None: no change."""
    by_torch: bool = False
    """Whether torch cuts the chips out, as always on a GPU; else OpenCV, as in `identify`."""
    clock: Callable[[], float] = time.monotonic
    """Seconds."""


class Pace:
    """Which share of a run is done, 0 to 1, by its steps or by the time since it began."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self._settings, self._clock, self._began = settings, clock, clock()

    def __call__(self, step: int) -> float:
        """The share when `step` steps are done."""
        if self._settings.minutes is None:
            return min(1.0, step / self._settings.steps)
        return min(1.0, (self._clock() - self._began) / max(1e-9, 60 * self._settings.minutes))
