"""The sections of `benchmark real` about whole frames, one a set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from benchmarks.context import Bench
from benchmarks.measuring.kept_scores import frame_scores_of
from benchmarks.measuring.real_frames import SIZES, FrameScores, frame_searches
from benchmarks.measuring.real_sets import Scenes
from benchmarks.tables.document import Section
from pipeline.evaluation.summary import Cell
from pipeline.metrics.intervals import wilson
from pipeline.report.tables import Column

_PER_FRAME: Final = 0.05
_COLUMNS: Final = (
    Column("method", "Search", 0, "`auto` is the default of `detect`", ranked=False),
    Column("size", "Face px", 0, "width of the faces", ranked=False),
    Column("faces", "Faces", 0, "annotated in the frames", ranked=False),
    Column("faceless", "Faceless frames", 0, "images without people", ranked=False),
    Column("recall", "Recall, 0.05", 3, "at 0.05 false boxes per faceless frame"),
    Column("threshold", "Score", 3, "threshold of that rate", ranked=False),
)
_NOTE: Final = (
    "Faces of 10-48 px, IoU 0.35, a box counts for one face. `detect` restores nothing of 128 px "
    "or more before it searches, so no row has an upscaler; `hog` doubles a frame once."
)


def frame_sections(bench: Bench, sets: Sequence[Scenes]) -> Iterator[Section]:
    """One section for each set, and one for all classes of a set that asks for some."""
    searches = frame_searches(bench.device)
    for one in [whole for scenes in sets for whole in _with_every_class(scenes)]:
        rows: list[dict[str, Cell]] = []
        for name, search in searches.items():
            bench.say(f"frames of {one.name}: {name}")
            scores = frame_scores_of(bench, name, search, one)
            rows += [_row(name, scores, size) for size in SIZES]
        yield Section(f"{one.name}: frames", tuple(rows), _COLUMNS, _NOTE)


def _with_every_class(scenes: Scenes) -> Iterator[Scenes]:
    yield scenes
    if any(scenes.others.values()):
        every = {path: [*boxes, *scenes.others[path]] for path, boxes in scenes.faces.items()}
        yield Scenes(f"{scenes.name.split()[0]}, every class", every, dict.fromkeys(every, ()))


def _row(name: str, scores: FrameScores, size: tuple[int, int]) -> dict[str, Cell]:
    hits = scores.hits(_PER_FRAME, size)
    ends = wilson(int(hits.sum()), len(hits))
    return {
        "method": name,
        "oracle": False,
        "size": f"{size[0]}-{size[1]}",
        "faces": len(hits),
        "faceless": scores.faceless_frames,
        "recall": float(hits.mean()) if len(hits) else None,
        "recall_lo": ends.lo,
        "recall_hi": ends.hi,
        "threshold": scores.threshold(_PER_FRAME),
    }
