"""Measure the rules of `thresholds.py` on labelled images of faces.

Protocol: the first image of each person is the gallery, untouched and in the view of the probes.
Every image is a probe: it is seen from far away (`labelled.far_away`) clean and, for every second
person, in four degradations. It is enlarged and embedded as `identify` does. Probes are sorted by
what `quality.measure` says of them, not by what was done to them. Galleries are drawn at random;
who is not in one is a stranger. The place is given, so a rule says nothing of detection.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from pipeline.identity.cohorts import Likeness, View
from pipeline.identity.embedders.base import FaceEmbedder
from pipeline.identity.embedding import Embedding, load_embedder
from pipeline.identity.labelled import DEGRADATIONS, Degradation, Subject, far_away
from pipeline.identity.measuring import (
    Attempts,
    attempts,
    fused_level,
    outcome,
    thresholds,
)
from pipeline.identity.quality import looks
from pipeline.identity.thresholds import FPIRS, Rule
from pipeline.identity.views import Upscale, embed_enlarged, seen_people

__all__ = [
    *("PLAIN", "Known", "Probes"),
    *("attempts_of", "calibrate", "known_of", "probes_of", "rules_of"),
]

PLAIN: Final = "none"
"""Name of images that are not enlarged."""
WIDTHS: Final = (9.0, 10.5, 12.0, 18.0)
PLAIN_WIDTHS: Final = (20.0, 64.0)
SIZES: Final = (1, 10, 30, 100, 300)
FRAMES: Final = (1, 4)
_SEVERAL: Final = (2, 3, 4)
"""Images fused for the threshold of several frames: more people have two or three than four."""
_BATCH: Final = 64
_LEAST_PEOPLE: Final = 60
"""A bucket with fewer people gets no rule."""


@dataclass(frozen=True, slots=True, eq=False)
class Probes:
    """Embedded faces `(n, 128)`: who they show, how they look, which are of gallery images."""

    embeddings: Embedding
    people: tuple[str, ...]
    buckets: tuple[str, ...]
    own: tuple[bool, ...]
    width: float

    def only(self, bucket: str) -> Probes:
        """Those that look like `bucket`."""
        rows = [i for i, one in enumerate(self.buckets) if one == bucket]
        return Probes(
            self.embeddings[rows],
            tuple(self.people[i] for i in rows),
            tuple(self.buckets[i] for i in rows),
            tuple(self.own[i] for i in rows),
            self.width,
        )

    def fused(self, *frames: int, seed: int = 0) -> Probes:
        """Means of so many images of one person, drawn without the gallery's own, for each number.

        `fused(4)` takes four at a time; `fused(2, 3, 4)` holds pairs, threes and fours.
        """
        draw = np.random.default_rng(seed)
        rows: list[Embedding] = []
        people: list[str] = []
        for person in dict.fromkeys(self.people):
            of = [i for i, p in enumerate(self.people) if p == person and not self.own[i]]
            for count in frames:
                shuffled = draw.permutation(of)
                for start in range(0, len(of) - count + 1, count):
                    rows.append(self.embeddings[shuffled[start : start + count]].mean(0))
                    people.append(person)
        stacked = np.asarray(rows, np.float32).reshape(-1, self.embeddings.shape[1])
        none = (False,) * len(people)
        return Probes(stacked, tuple(people), self.buckets[:1] * len(people), none, self.width)


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """The gallery: people, their embeddings `(n, 128)`, and those in the view of the probes."""

    people: tuple[str, ...]
    embeddings: Embedding
    cohorts: Likeness
    view: View | None = None
    seen: Embedding | None = None


def calibrate(
    subjects: Sequence[Subject],
    upscale: Upscale,
    cohorts: Likeness,
    *,
    name: str,
    width: float,
    embedder: FaceEmbedder | None = None,
    progress: Callable[[int], object] | None = None,
) -> list[Rule]:
    """Rules of one upscaler, embedder (dlib's) and width; protocol at the top of this file."""
    known = known_of(subjects, upscale, cohorts, cohorts.view(name, width), embedder)
    probes = probes_of(subjects, upscale, width, progress=progress, embedder=embedder)
    return list(rules_of(probes, known, name=name))


def known_of(
    subjects: Sequence[Subject],
    upscale: Upscale,
    cohorts: Likeness,
    view: View | None,
    embedder: FaceEmbedder | None = None,
) -> Known:
    """The gallery of the first image of each person, as it is and in `view`."""
    first = {subject.identity: subject for subject in reversed(subjects)}
    people = tuple(dict.fromkeys(subject.identity for subject in subjects))
    faces = [first[person].face for person in people]
    each = [[one] for one in faces]
    seen = None if view is None else seen_people(each, upscale, view.width, embedder)
    return Known(people, (embedder or load_embedder()).faces(faces), cohorts, view, seen)


def probes_of(
    subjects: Sequence[Subject],
    upscale: Upscale,
    width: float,
    *,
    kinds: Sequence[Degradation] = DEGRADATIONS,
    seed: int = 0,
    progress: Callable[[int], object] | None = None,
    embedder: FaceEmbedder | None = None,
) -> Probes:
    """Embed every subject `width` pixels wide, degraded as the first of `kinds` says.

    Each of the other kinds is made for every second person, to save time.
    """
    places = {name: i for i, name in enumerate(dict.fromkeys(s.identity for s in subjects))}
    firsts = {subject.identity: number for number, subject in reversed(list(enumerate(subjects)))}
    todo = [
        (number, kind)
        for number, subject in enumerate(subjects)
        for turn, kind in enumerate(kinds)
        if not turn or (places[subject.identity] + turn) % 2 == 0
    ]
    rows, buckets = [], []
    for start in range(0, len(todo), _BATCH):
        batch = todo[start : start + _BATCH]
        small = [
            far_away(
                subjects[number].face, width, kind,
                np.random.default_rng([seed, number, DEGRADATIONS.index(kind), round(width)]),
            )
            for number, kind in batch
        ]  # fmt: skip
        buckets += [looks(face.rgb, face.box).bucket for face in small]
        rows.append(embed_enlarged(small, upscale, embedder))
        if progress is not None:
            progress(len(batch))
    return Probes(
        np.concatenate(rows),
        tuple(subjects[number].identity for number, _ in todo),
        tuple(buckets),
        tuple(firsts[subjects[number].identity] == number for number, _ in todo),
        width,
    )


def rules_of(probes: Probes, known: Known, *, name: str) -> Iterator[Rule]:
    """Yield a rule for each bucket, number of frames, gallery size and rate that is measurable."""
    for bucket in dict.fromkeys(probes.buckets):
        part = probes.only(bucket)
        if len(set(part.people)) < _LEAST_PEOPLE:
            continue
        for size in (size for size in SIZES if size < len(known.people)):
            tries = {1: attempts_of(part, known, size)}
            for frames in FRAMES[1:]:
                tries[frames] = attempts_of(part.fused(frames), known, size)
            several = attempts_of(part.fused(*_SEVERAL), known, size)
            for fpir in FPIRS:
                single = tries[1]
                chosen = None if single is None else thresholds(single, fpir)
                if chosen is None:
                    continue
                for frames, tried in tries.items():
                    if tried is None:
                        continue
                    least, margin = chosen
                    if frames > 1 and several is not None:
                        least = fused_level(several, least, margin, fpir)
                    right, wrong, _ = outcome(tried, least, margin)
                    yield Rule(
                        upscaler=name, face_px=probes.width, degradation=bucket, frames=frames,
                        people=size, fpir=fpir, similarity=round(least, 3),
                        margin=margin, strangers=len(Counter(part.people)),
                        tpir=round(right, 4), wrong=round(wrong, 4),
                    )  # fmt: skip


def attempts_of(probes: Probes, known: Known, size: int) -> Attempts | None:
    """Every probe against drawn galleries of `size` people; None without a probe."""
    if not probes.people:
        return None
    similar = known.cohorts.similarities(
        probes.embeddings, known.embeddings, known.view, known.seen
    )
    return attempts(similar, probes.people, known.people, np.array(probes.own), size=size)
