"""`benchmark real`: detectors behind upscalers on real small faces, at equal false positives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from benchmarks.context import Bench
from benchmarks.measuring.kept_scores import scores_of
from benchmarks.measuring.real_detection import BINS, Scores, paired_difference
from benchmarks.measuring.real_sets import (
    LARGEST,
    SMALLEST,
    TIGHT,
    FaceCrop,
    face_crops,
    faceless_crops,
    faceless_tight_crops,
    real_sets,
    tight_crops,
)
from benchmarks.tables.document import Section, Sheet
from benchmarks.tables.real_frames import frame_sections
from data.images.rgb import RGB
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


def real(bench: Bench) -> Sheet:
    """Sections of crops and of frames, one a set; raises MissingDataError without a set."""
    sets = real_sets(bench.data)
    faces = {one.name: face_crops(one, bench.most(_FACES), bench.seed) for one in sets}
    count = _FACELESS if bench.subset is None else 5 * bench.subset
    faceless = [one.rgb for one in faceless_crops(bench.data, sets, count, bench.seed)]
    every = _scores(bench, faces, faceless)
    titles = {one.name: f"{one.name}: crops of 2.3 face widths" for one in sets}
    if tight := tight_crops(bench.data, bench.most(_FACES), bench.seed):
        faces[TIGHT] = tight
        titles[TIGHT] = f"{TIGHT}: 16×16 crops that the face fills"
        faceless = faceless_tight_crops(bench.data, sets, count, bench.seed)
        every = [*every, *_scores(bench, {TIGHT: tight}, faceless)]
    sections = [
        Section(
            title,
            tuple(_rows(bench, faces[name], {c: s[name] for c, s in every if name in s})),
            _COLUMNS,
        )
        for name, title in titles.items()
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
    return Sheet("real", title, (*sections, *frame_sections(bench, sets)), notes, origin)


def _scores(
    bench: Bench, faces: Mapping[str, Sequence[FaceCrop]], faceless: Sequence[RGB]
) -> list[tuple[Chain, dict[str, Scores]]]:
    """What every chain says of the faces of each set."""
    weights = {"bicubic": "", **{entrant.name: entrant.fingerprint for entrant in bench.entrants}}
    made: list[tuple[Chain, dict[str, Scores]]] = []
    for name, fingerprint in weights.items():
        bench.say(f"{', '.join(DETECTORS)} on {name}, {len(faceless)} faceless crops")
        found = scores_of(
            bench, DETECTORS, name, weights=fingerprint, faces=faces, faceless=faceless
        )
        made += found.items()
    return made


def _rows(
    bench: Bench, faces: Sequence[FaceCrop], every: Mapping[Chain, Scores]
) -> Iterator[dict[str, Cell]]:
    for chain, scores in every.items():
        row = _row(chain, scores, _size(faces))
        if chain.upscaler != "bicubic" and len(faces):
            plain = every[Chain(chain.detector, "bicubic")]
            gain = paired_difference(scores, plain, 0.01, bench.seed)
            row |= dict(zip(("gain", "gain_lo", "gain_hi"), gain, strict=True))
        yield row
        for low, high in BINS if len({face.face_px for face in faces}) > 1 else ():
            own = [i for i, face in enumerate(faces) if low <= face.face_px < high]
            if own:
                part = Scores(scores.faces[own], scores.faceless)
                yield _row(chain, part, f"{low}-{high}")


def _size(faces: Sequence[FaceCrop]) -> str:
    widths = {face.face_px for face in faces}
    return f"{widths.pop():g}" if len(widths) == 1 else f"{SMALLEST}-{LARGEST}"


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
