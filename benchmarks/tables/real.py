"""`benchmark real`: detectors behind upscalers on real small faces, at equal false positives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from benchmarks.context import Bench
from benchmarks.measuring.kept_scores import frame_scores_of, scores_of
from benchmarks.measuring.real_detection import BINS, Scores, paired_difference
from benchmarks.measuring.real_sets import (
    FaceCrop,
    Scenes,
    face_crops,
    faceless_crops,
    real_sets,
)
from benchmarks.tables.document import Section, Sheet
from pipeline.detection.chains import SEARCH, Chain
from pipeline.evaluation.summary import Cell
from pipeline.metrics.intervals import wilson
from pipeline.report.tables import Column

DETECTORS: Final = ("centerface", "hog")
_FACES: Final = 400
_FACELESS: Final = 5000
_RATES: Final = (("tpr_at_fp_1e-2", 0.01), ("tpr_at_fp_2e-3", 0.002), ("tpr_at_fp_5e-2", 0.05))
_COLUMNS: Final = (
    Column("method", "Detector on upscaler", 0, "the first is the search of `auto`", ranked=False),
    Column("size", "Face px", 0, "width of the faces", ranked=False),
    Column("faces", "Faces", 0, "crops with a face", ranked=False),
    Column("faceless", "Faceless", 0, "crops without", ranked=False),
    Column("tpr_at_fp_1e-2", "Recall, 1 %", 3, "at a false box in 1 % of faceless crops"),
    Column("tpr_at_fp_2e-3", "Recall, 0.2 %", 3, "at a false box in 0.2 % of faceless crops"),
    Column("tpr_at_fp_5e-2", "Recall, 5 %", 3, "at a false box in 5 % of faceless crops"),
    Column("ap", "AP", 3, "average precision"),
    Column("gain", "SR − bicubic, 1 %", 3, "recall less that of the same detector on bicubic"),
)
_FRAME_COLUMNS: Final = (
    Column("method", "Set", 0, "faces of 10-48 px, IoU 0.35", ranked=False),
    Column("faces", "Faces", 0, "in the frames", ranked=False),
    Column("faceless", "Faceless frames", 0, "images without people", ranked=False),
    Column("recall", "Recall, 0.05", 3, "at 0.05 false boxes per faceless frame"),
    Column("threshold", "Score", 3, "threshold of that rate", ranked=False),
)


def real(bench: Bench) -> Sheet:
    """Sections of crops, one a set, and one of frames; raises MissingDataError without a set."""
    sets = real_sets(bench.data)
    faces = {one.name: face_crops(one, bench.most(_FACES), bench.seed) for one in sets}
    count = _FACELESS if bench.subset is None else 5 * bench.subset
    faceless = [one.rgb for one in faceless_crops(bench.data, sets, count, bench.seed)]
    every: dict[Chain, dict[str, Scores]] = {}
    weights = {"bicubic": "", **{entrant.name: entrant.fingerprint for entrant in bench.entrants}}
    for name, fingerprint in weights.items():
        bench.say(f"{', '.join(DETECTORS)} on {name}, {len(faceless)} faceless crops")
        every |= scores_of(
            bench, DETECTORS, name, weights=fingerprint, faces=faces, faceless=faceless
        )
    sections = [
        Section(
            f"{one.name}: crops of 2.3 face widths",
            tuple(_rows(bench, faces[one.name], {c: s[one.name] for c, s in every.items()})),
            _COLUMNS,
        )
        for one in sets
    ]
    notes = (
        "A hit has an IoU of at least 0.3 with the face. Thresholds are those of each row's own "
        "faceless crops: half from crowd_voc beside its annotated faces, half from images "
        "without people; those that show a face by eye are listed in "
        "`benchmarks/measuring/shows_people.txt`. Shares have Wilson intervals; SR − bicubic is a "
        "paired bootstrap over faces and faceless crops.",
        *bench.notes(),
    )
    origin = bench.origin({one.name: str(len(faces[one.name])) for one in sets})
    title = "Real faces at equal false positives"
    return Sheet("real", title, (*sections, _frames(bench, sets)), notes, origin)


def _rows(
    bench: Bench, faces: Sequence[FaceCrop], every: Mapping[Chain, Scores]
) -> Iterator[dict[str, Cell]]:
    for chain, scores in every.items():
        row = _row(chain, scores, "8-32")
        if chain.upscaler != "bicubic" and len(faces):
            plain = every[Chain(chain.detector, "bicubic")]
            gain = paired_difference(scores, plain, 0.01, bench.seed)
            row |= dict(zip(("gain", "gain_lo", "gain_hi"), gain, strict=True))
        yield row
        for low, high in BINS:
            own = [i for i, face in enumerate(faces) if low <= face.face_px < high]
            if own:
                part = Scores(scores.faces[own], scores.faceless)
                yield _row(chain, part, f"{low}-{high}")


def _row(chain: Chain, scores: Scores, size: str) -> dict[str, Cell]:
    row: dict[str, Cell] = {
        "method": f"{chain.detector} on {chain.upscaler}",
        "oracle": False,
        "detector": "auto" if chain == SEARCH else chain.detector,
        "upscaler": chain.upscaler,
        "size": size,
        "faces": len(scores.faces),
        "faceless": len(scores.faceless),
        "ap": scores.average_precision(),
    }
    for name, rate in _RATES:
        hits = scores.hits(rate)
        ends = wilson(int(hits.sum()), len(hits))
        row |= {name: float(hits.mean()), f"{name}_lo": ends.lo, f"{name}_hi": ends.hi}
    return row


def _frames(bench: Bench, sets: Sequence[Scenes]) -> Section:
    rows: list[dict[str, Cell]] = []
    for one in sets[:1]:
        bench.say(f"frames of {one.name}")
        scores = frame_scores_of(bench, one)
        least = scores.threshold(0.05)
        hits = scores.faces > least
        ends = wilson(int(hits.sum()), len(hits))
        rows.append(
            {
                "method": one.name,
                "oracle": False,
                "faces": len(hits),
                "faceless": scores.faceless_frames,
                "recall": float(hits.mean()),
                "recall_lo": ends.lo,
                "recall_hi": ends.hi,
                "threshold": least,
            }
        )
    return Section("Frames, searched by `--detector auto`", tuple(rows), _FRAME_COLUMNS)
