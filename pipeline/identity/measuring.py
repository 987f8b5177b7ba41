"""Two thresholds out of embeddings of known people: galleries are drawn, the rest are strangers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.identity.normalise import standings

__all__ = ["Attempts", "attempts", "fused_level", "outcome", "thresholds"]

DRAWS: Final = 60
_DRAWN_PEOPLE: Final = 200
"""Draws times people are at least so many: more galleries of one are drawn."""
_RESAMPLES: Final = 40
_CAUTION: Final = 0.9
"""Quantile of the thresholds over resampled people: a rule should hold for other people too."""
_MARGINS: Final = (0.2, 0.6, 1.0, 1.5, 2.0)

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Attempts:
    """Every probe against every drawn gallery, one entry each.

    `person` numbers who the probe shows; `weight` makes people count equally, however many images
    they have.
    """

    similarity: Floats
    """Of the closest person, see `normalise.standings`."""
    margin: Floats
    known: Flags
    """Whether the person is in the gallery."""
    right: Flags
    """Whether the closest is that person."""
    person: NDArray[np.int64]
    weight: Floats
    probe: NDArray[np.int64]
    """Row of the probe in the similarities."""


def attempts(
    similarities: NDArray[np.float32],
    probe_people: Sequence[str],
    gallery_people: Sequence[str],
    own: Flags,
    *,
    size: int,
    seed: int = 0,
) -> Attempts:
    """Draw galleries of `size` people and note how each probe fares.

    `similarities` `(P, G)`; `own` marks probes made of the very image that is in the gallery: they
    can be strangers, never known. Raises `ValueError` when there are not more people than `size`.
    """
    if size >= len(gallery_people):
        raise ValueError(f"a gallery of {size} of {len(gallery_people)} people leaves no stranger")
    names = {name: number for number, name in enumerate(gallery_people)}
    person = np.array([names[name] for name in probe_people], np.int64)
    images = np.bincount(person, minlength=len(names))
    parts = list(_draws(similarities, person, own, size, np.random.default_rng(seed)))
    stacked = [np.concatenate(column) for column in zip(*parts, strict=True)]
    similarity, margin, known, right, who, probe = stacked
    return Attempts(similarity, margin, known, right, who, 1.0 / images[who], probe)


def thresholds(found: Attempts, fpir: float, seed: int = 0) -> tuple[float, float] | None:
    """Least similarity and margin that name a share `fpir` of the strangers, cautiously.

    Among margins the one is taken that names most of the known. None when the strangers are too few
    for the rate.
    """
    people = np.unique(found.person[~found.known])
    if len(people) * fpir < 1:
        return None
    best: tuple[float, float, float] | None = None
    for margin in _MARGINS:
        level = _cautious(found, margin, fpir, seed)
        named, _, _ = outcome(found, level, margin)
        if best is None or named > best[0]:
            best = named, level, margin
    return None if best is None else (best[1], best[2])


def fused_level(
    found: Attempts, similarity: float, margin: float, fpir: float, seed: int = 0
) -> float:
    """Least similarity for fused frames: that of single ones, or more where strangers pass it.

    The mean of several images is more alike to its look-alikes too. Fewer people have several
    images, so the rate is less sure here: caution over resampled people is all there is.
    """
    return max(similarity, _cautious(found, margin, fpir, seed))


def outcome(
    found: Attempts, similarity: float | Floats, margin: float | Floats
) -> tuple[float, float, float]:
    """Shares: the known with their name, the known with another's, strangers with any name.

    The thresholds are one number, or one for each attempt.
    """
    given = (found.similarity >= similarity) & (found.margin >= margin)

    def share(who: Flags, what: Flags) -> float:
        total = found.weight[who].sum()
        return float(found.weight[who & what].sum() / total) if total else 0.0

    return (
        share(found.known, given & found.right),
        share(found.known, given & ~found.right),
        share(~found.known & (found.weight > 0), given),
    )


def _cautious(found: Attempts, margin: float, fpir: float, seed: int) -> float:
    """The `_CAUTION` quantile of the least similarity over resamples of the strangers."""
    strangers = ~found.known
    people = np.unique(found.person[strangers])
    shares = [1 / len(people)] * len(people)
    times = np.random.default_rng(seed).multinomial(len(people), shares, size=_RESAMPLES)
    levels = _levels(found, strangers & (found.margin >= margin), fpir, people, times)
    return float(np.quantile(levels, _CAUTION))


def _levels(
    found: Attempts,
    held: Flags,
    fpir: float,
    people: NDArray[np.int64],
    times: NDArray[np.int64],
) -> list[float]:
    """Least similarity at which at most `fpir` of the strangers pass, for each resample of people.

    `held` are the strangers with margin enough; `times` `(R, people)` says how often each counts.
    """
    column = np.zeros(int(found.person.max()) + 1, np.int64)
    column[people] = np.arange(len(people))
    all_strangers = ~found.known
    sums = np.bincount(
        column[found.person[all_strangers]], found.weight[all_strangers], len(people)
    )
    order = np.flatnonzero(held)[np.argsort(-found.similarity[held])]
    ordered, weight = found.similarity[order], found.weight[order]
    who = column[found.person[order]]
    levels = []
    for row in times:
        passed = np.cumsum(weight * row[who])
        over = int(np.searchsorted(passed, fpir * float(sums @ row), side="right"))
        levels.append(float(np.nextafter(ordered[over], np.inf)) if over < len(ordered) else 0.0)
    return levels


def _draws(
    similarities: NDArray[np.float32],
    person: NDArray[np.int64],
    own: Flags,
    size: int,
    draw: np.random.Generator,
) -> Iterator[tuple[Floats, Floats, Flags, Flags, NDArray[np.int64], NDArray[np.int64]]]:
    for _ in range(max(DRAWS, _DRAWN_PEOPLE // size)):
        chosen = draw.choice(similarities.shape[1], size, replace=False)
        known = np.isin(person, chosen)
        part = similarities[:, chosen]
        closest = part.argmax(1)
        kept = ~known | ~own
        yield (
            standings(part)[kept].astype(np.float64),
            _margins(part)[kept],
            known[kept],
            (chosen[closest] == person)[kept],
            person[kept],
            np.flatnonzero(kept),
        )


def _margins(similarities: NDArray[np.float32]) -> Floats:
    """Of the closest to the second person, `(P,)`; infinite in a gallery of one."""
    if similarities.shape[1] < 2:
        return np.full(len(similarities), np.inf)
    top = np.partition(similarities, -2, axis=1)[:, -2:].astype(np.float64)
    return np.asarray(top[:, 1] - top[:, 0], np.float64)
