"""Names for people of a gallery and for strangers, by the shipped rules, on people they never saw.

The protocol is that of `pipeline.identity.calibrate`, on `lfw-test`: the first image of a person is
the gallery's, galleries are drawn, who is not in one is a stranger. Nothing is chosen here.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from benchmarks.context import Bench
from benchmarks.image_sets import ImageSet, source_of
from benchmarks.methods import Entrant
from pipeline.identity.calibrate import Known, Probes, attempts_of, known_of, probes_of
from pipeline.identity.calibration_run import fingerprints
from pipeline.identity.cohorts import load_cohorts
from pipeline.identity.faces_of_people import central_face
from pipeline.identity.labelled import DEGRADATIONS, Degradation, Subject
from pipeline.identity.measuring import Attempts
from pipeline.identity.thresholds import Table, load_table
from pipeline.metrics.intervals import ratios
from pipeline.metrics.verification import threshold_at_far

VERSION: Final = 3
"""Raised when a figure of the same images, weights and rules changes."""
WIDTHS: Final = (10.5, 18.0)
GALLERIES: Final = (10, 100, 1000)
FRAMES: Final = (1, 4)
FPIR: Final = 0.01
_FAR: Final = 0.01
_LEAST_STRANGERS: Final = 20
_COVERAGE: Final = 0.3

Row = dict[str, Any]
Floats = NDArray[np.float64]


def open_set_rows(bench: Bench, entrant: Entrant, images: ImageSet, width: float) -> list[Row]:
    """A row for each degradation, number of frames and gallery that these people are enough for."""
    table, cohorts = load_table(), load_cohorts()
    parts = {
        "what": "open set",
        "version": VERSION,
        "width": width,
        "method": entrant.name,
        "weights": entrant.fingerprint,
        "rules": table.as_json(),
        "cohorts": cohorts.fingerprint(entrant.name),
        "data": images.digest,
        "seed": bench.seed,
        **bench.arithmetic,
    }
    found: list[Row] = bench.cache.json(parts, partial(_rows, bench, entrant, images, width, table))
    return found


def subjects_of(images: ImageSet) -> Iterator[Subject]:
    """Yield the images that show a face; their key begins with the person's name."""
    for image in images.images:
        source = source_of(image)
        face = central_face(source.load()) if source.problem is None else None
        if face is not None:
            yield Subject(source.key, source.key.split("/")[0], face)


def _rows(
    bench: Bench, entrant: Entrant, images: ImageSet, width: float, table: Table
) -> list[Row]:
    subjects = list(subjects_of(images))
    upscale = bench.upscaler(entrant)
    cohorts = load_cohorts()
    known = known_of(subjects, upscale, cohorts, cohorts.view(entrant.name, width))
    made: list[Row] = []
    for kind in DEGRADATIONS:
        bench.say(f"{images.name}, {width:g} px, {kind}: {entrant.name}")
        probes = probes_of(subjects, upscale, width, kinds=[kind], seed=bench.seed)
        for frames in FRAMES:
            part = probes if frames == 1 else probes.fused(frames, seed=bench.seed)
            made += _of_galleries(bench, entrant.name, table, known, part, kind, frames)
    return made


def _of_galleries(
    bench: Bench, name: str, table: Table, known: Known, probes: Probes, kind: Degradation,
    frames: int,
) -> Iterator[Row]:  # fmt: skip
    for size in (size for size in GALLERIES if size + _LEAST_STRANGERS <= len(known.people)):
        tried = attempts_of(probes, known, size)
        if tried is None or not tried.known.any():
            continue
        least, margins = _rules(table, name, probes, frames=frames, people=size)
        given = (tried.similarity >= least[tried.probe]) & (tried.margin >= margins[tried.probe])
        yield {
            "width": probes.width, "kind": kind, "frames": frames, "people": size,
            "probes": len(probes.people), **_shares(tried, given, bench.seed),
            **tars(probes, known),
        }  # fmt: skip


def _rules(
    table: Table, name: str, probes: Probes, *, frames: int, people: int
) -> tuple[Floats, Floats]:
    """Thresholds of each probe, by what it looks like; infinite where there is no rule."""
    prints = fingerprints(name)
    pairs: dict[str, tuple[float, float]] = {}
    for bucket in set(probes.buckets):
        rule = table.find(
            name, prints, face_px=probes.width, degradation=bucket, frames=frames, people=people,
            fpir=FPIR,
        ).rule  # fmt: skip
        pairs[bucket] = (rule.similarity, rule.margin) if rule else (np.inf, np.inf)
    both = np.array([pairs[bucket] for bucket in probes.buckets])
    return both[:, 0], both[:, 1]


def _shares(tried: Attempts, given: NDArray[np.bool_], seed: int) -> Row:
    """Shares with intervals over people, and what a ranking by similarity alone would do."""
    strangers, known = ~tried.known, tried.known
    named = {
        "strangers_named": (strangers & given, strangers),
        "right": (known & given & tried.right, known),
        "wrong": (known & given & ~tried.right, known),
        "rank1": (known & tried.right, known),
    }
    sums = {key: (_of_people(tried, a), _of_people(tried, b)) for key, (a, b) in named.items()}
    row: Row = {}
    for key, (value, lo, hi) in ratios(sums, seed=seed).items():
        row |= {key: value, f"{key}_lo": lo, f"{key}_hi": hi}
    return row | {"risk_at_30": _risk(tried)}


def _of_people(tried: Attempts, which: NDArray[np.bool_]) -> Floats:
    count = int(tried.person.max()) + 1
    return np.bincount(tried.person[which], tried.weight[which], count).astype(np.float64)


def _risk(tried: Attempts) -> float:
    """Share of wrong ones among the 30 % of known probes that are most like somebody."""
    who = np.flatnonzero(tried.known)
    order = who[np.argsort(-tried.similarity[who])]
    reached = np.cumsum(tried.weight[order])
    inside = order[reached <= _COVERAGE * reached[-1]]
    if not len(inside):
        return 0.0
    return float(np.average(~tried.right[inside], weights=tried.weight[inside]))


def tars(probes: Probes, known: Known) -> Row:
    """TAR at FAR 1 % by plain distances, and by the similarities that `identify` compares.

    The share of same pairs that the threshold accepts which accepts 1 % of the pairs of two people.
    None where there are too few pairs.
    """
    plain = cdist(probes.embeddings, known.embeddings)
    compared = known.cohorts.similarities(
        probes.embeddings, known.embeddings, known.view, known.seen
    )
    same = np.array(known.people)[None] == np.array(probes.people)[:, None]
    usable = ~(same & np.array(probes.own)[:, None])
    return {
        "tar_at_far_1e-2": _tar(plain, same, usable),
        "tar_as_compared": _tar(-compared.astype(np.float64), same, usable),
    }


def _tar(distances: Floats, same: NDArray[np.bool_], usable: NDArray[np.bool_]) -> float | None:
    limit = threshold_at_far(distances[usable & ~same], _FAR)
    if limit is None or not (usable & same).any():
        return None
    return float((distances[usable & same] <= limit).mean())
