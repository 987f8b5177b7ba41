"""Which phase a step belongs to, and how fast each network learns in it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gflmser.config import OptimiserConfig, PhaseConfig, TrainingConfig


class Pace:
    """Where in the schedule a training stands: at its step, or where its time says.

    With `minutes` a schedule of `total` steps is stretched or shortened to that time. A machine
    that is lent then never stops in the middle of a high rate. Stretches in `slow`, the warm-ups,
    are never shortened: a network that skips them may saturate.
    """

    def __init__(self, total: int, minutes: float | None, slow: Sequence[range] = ()) -> None:
        if minutes is not None and not minutes > 0:
            raise ValueError("a schedule needs a time above 0 minutes")
        self._total, self._seconds = total, None if minutes is None else 60 * minutes
        self._slow, self._place, self._step = slow, 0, 0

    def place(self, step: int, seconds: float) -> int:
        """The step of the schedule after `step` steps and `seconds` of training; never goes back.

        At `total` the schedule is over.
        """
        if self._seconds is None:
            return min(self._total, step)
        place = int(self._total * seconds / self._seconds)
        done, self._step = step - self._step, step
        if seconds < self._seconds:
            place = self._held(place, done)
        self._place = max(self._place, min(self._total, place))
        return self._place

    def _held(self, place: int, done: int) -> int:
        """At most `done` further within a warm-up, and into none farther than its first step."""
        for warm_up in self._slow:
            if self._place in warm_up:
                return min(place, self._place + done)
            if self._place < warm_up.start < place:
                place = warm_up.start
        return place


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
