"""Same person or not: how well distances tell, with intervals, and what few pairs cannot say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.metrics.intervals import drawn_sums, percentiles, resampled

Floats = NDArray[np.float64]
FOLDS: Final = 10
DRAWS: Final = 1000
FEW: Final = 10
"""A threshold that rests on fewer accepted impostors than this is called uncertain."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure in [0, 1] with its bootstrap interval; all None where the pairs cannot give it."""

    value: float | None
    lo: float | None = None
    hi: float | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """How well distances separate pairs of the same person from pairs of two people."""

    n_same: int
    n_different: int
    tar_at_far_1e_2: Estimate
    """Share of same pairs accepted at the threshold that accepts 1 % of the different ones."""
    tar_at_far_1e_3: Estimate
    """The same at 0.1 %; without a value below 1,000 different pairs."""
    threshold_at_far_1e_2: float | None
    threshold_at_far_1e_3: float | None
    accuracy: Estimate
    """10 folds, stratified and seeded; each fold is told by the best threshold of the others."""
    auc: Estimate
    """Chance that a same pair is closer than a different one; ties count half."""
    notes: tuple[str, ...] = ()
    """What these pairs are too few for."""

    def as_row(self) -> dict[str, float | int | str | None]:
        """Columns of `compare`: `tar_at_far_1e-2`, `tar_at_far_1e-3`, `verification_accuracy`...

        Each with `_lo` and `_hi`; None where there is no value, so it is strict JSON.
        """
        row: dict[str, float | int | str | None] = {
            "verification_same": self.n_same,
            "verification_different": self.n_different,
        }
        for name, figure in (
            ("tar_at_far_1e-2", self.tar_at_far_1e_2),
            ("tar_at_far_1e-3", self.tar_at_far_1e_3),
            ("verification_accuracy", self.accuracy),
            ("verification_auc", self.auc),
        ):
            row |= {name: figure.value, f"{name}_lo": figure.lo, f"{name}_hi": figure.hi}
        return row | {"verification_notes": "; ".join(self.notes)}


def verification(
    distances: Sequence[float] | Floats,
    same: Sequence[bool] | NDArray[np.bool_],
    *,
    seed: int = 0,
    level: float = 0.95,
) -> Verification:
    """Judge distances of pairs; infinity stands for a face that could not be found.

    Intervals come from drawing same and different pairs anew, thresholds included; pairs that
    share a person are treated as independent, so intervals are a little too narrow. Where there are
    no same or no different pairs nothing has a value and the notes say so. Raises `ValueError` for
    NaN or unequal lengths.
    """
    near = np.asarray(distances, dtype=np.float64)
    genuine = np.asarray(same, dtype=bool)
    if near.shape != genuine.shape or near.ndim != 1 or np.isnan(near).any():
        raise ValueError("as many distances as pairs are needed, none of them NaN")
    yes, no = near[genuine], near[~genuine]
    if not (len(yes) and len(no)):
        return _nothing(len(yes), len(no))
    draw = np.random.default_rng(seed)

    def estimate(figure: Callable[[Floats, Floats], float]) -> Estimate:
        value = figure(yes, no)
        if np.isnan(value):
            return Estimate(None)
        again = resampled(figure, yes, no, rng=draw, draws=DRAWS)
        return _estimate(value, again, level)

    return Verification(
        n_same=len(yes),
        n_different=len(no),
        tar_at_far_1e_2=estimate(lambda y, n: _tar(y, n, 1e-2)),
        tar_at_far_1e_3=estimate(lambda y, n: _tar(y, n, 1e-3)),
        threshold_at_far_1e_2=threshold_at_far(no, 1e-2),
        threshold_at_far_1e_3=threshold_at_far(no, 1e-3),
        accuracy=_accuracy(near, genuine, draw, level),
        auc=estimate(_auc),
        notes=tuple(note for far in (1e-2, 1e-3) for note in _doubts(len(no), far)),
    )


def _nothing(same: int, different: int) -> Verification:
    none = Estimate(None)
    note = f"{same} same and {different} different pairs: both are needed"
    return Verification(same, different, none, none, None, None, none, none, (note,))


def threshold_at_far(different: Floats, far: float) -> float | None:
    """The largest distance that accepts at most a share `far` of different pairs.

    A pair is accepted when its distance is not above it. None when even one accepted pair would
    be more than the share, or when none has a finite distance.
    """
    allowed = int(far * len(different) + 1e-9)
    if allowed == 0:
        return None
    ordered = np.sort(different)
    allowed = min(allowed, int(np.isfinite(ordered).sum()))
    if allowed < len(ordered) and allowed:  # a tie with the next would accept that one too
        allowed = int(np.searchsorted(ordered, ordered[allowed], side="left"))
    return float(ordered[allowed - 1]) if allowed else None


def _estimate(value: float, drawn: Floats, level: float) -> Estimate:
    ends = percentiles(drawn, level=level)
    return Estimate(float(value), ends.lo, ends.hi)


def _tar(yes: Floats, no: Floats, far: float) -> float:
    if int(far * len(no) + 1e-9) == 0:
        return float("nan")
    threshold = threshold_at_far(no, far)
    return 0.0 if threshold is None else float((yes <= threshold).mean())


def _auc(yes: Floats, no: Floats) -> float:
    ordered = np.sort(no)
    above = len(no) - np.searchsorted(ordered, yes, side="right")
    level = len(no) - np.searchsorted(ordered, yes, side="left") - above
    return float((above + level / 2).sum() / (len(yes) * len(no)))


def _accuracy(
    near: Floats, genuine: NDArray[np.bool_], draw: np.random.Generator, level: float
) -> Estimate:
    if min(genuine.sum(), (~genuine).sum()) < FOLDS:
        return Estimate(None)
    folds = np.empty(len(near), dtype=int)
    for side in (True, False):
        members = draw.permutation(np.flatnonzero(genuine == side))
        folds[members] = np.arange(len(members)) % FOLDS
    right = np.empty(len(near))
    for fold in range(FOLDS):
        test = folds == fold
        threshold = _best_threshold(near[~test], genuine[~test])
        right[test] = (near[test] <= threshold) == genuine[test]
    shares = drawn_sums(right[:, None], rng=draw, draws=DRAWS)[:, 0] / len(near)
    return _estimate(right.mean(), shares, level)


def _best_threshold(near: Floats, genuine: NDArray[np.bool_]) -> float:
    """The distance that judges most pairs rightly when it and all below mean the same person."""
    order = np.argsort(near, kind="stable")
    gain = np.cumsum(np.where(genuine[order], 1, -1))
    ends = np.append(near[order][1:] != near[order][:-1], True) & np.isfinite(near[order])
    if not ends.any() or gain[ends].max() < 0:
        return -np.inf
    return float(near[order][ends][gain[ends].argmax()])


def _doubts(different: int, far: float) -> list[str]:
    accepted = int(far * different + 1e-9)
    if accepted == 0:
        return [f"FAR {far:g} needs {round(1 / far)} different pairs, there are {different}"]
    if accepted < FEW:
        return [f"FAR {far:g} rests on {accepted} of {different} different pairs"]
    return []
