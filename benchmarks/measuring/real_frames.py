"""Recall in whole real frames at equal false boxes per faceless image, for several searches."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.measuring.real_sets import Scenes
from data.boxes import Box, iou
from data.images.files import load_rgb
from data.images.rgb import RGB
from pipeline.detection.base import Detection
from pipeline.detection.candidates import FLOOR
from pipeline.detection.centerface import load_centerface
from pipeline.detection.chains import Chain, search_candidates
from pipeline.jobs.detection_chains import load_chains
from pipeline.names import AS_IT_IS

HIT: Final = 0.35
SIZES: Final = ((10, 48), (10, 16), (16, 24), (24, 48))
"""Widths of faces in pixels; the first is the one that targets speak of."""
_LEAST_WIDTH: Final = 8

Search = Callable[[Path], list[Detection]]
"""From an image file to its candidates; each file is searched once."""


@dataclass(frozen=True, slots=True)
class FrameScores:
    """What a search says of frames: each face's best score and width, and every false score."""

    faces: NDArray[np.float64]
    """-inf for a miss."""
    widths: NDArray[np.float64]
    """In pixels of the frame."""
    false: NDArray[np.float64]
    faceless_frames: int

    def threshold(self, per_frame: float) -> float:
        """Least score with at most so many false boxes per faceless frame."""
        ordered = np.sort(self.false)[::-1]
        allowed = int(per_frame * self.faceless_frames)
        return float(ordered[allowed]) if allowed < len(ordered) else float("-inf")

    def hits(self, per_frame: float, size: tuple[int, int]) -> NDArray[np.bool_]:
        """Which faces of these widths score above the threshold of that rate."""
        own = (self.widths >= size[0]) & (self.widths <= size[1])
        found: NDArray[np.bool_] = self.faces[own] > self.threshold(per_frame)
        return found


def frame_searches(device: str) -> Mapping[str, Search]:
    """The search of `auto`, CenterFace on the doubled whole, HOG as `--detector hog` searches.

    No frame is restored: `detect` restores nothing of 128 px or more before it searches.
    """
    net = load_centerface(min_score=FLOOR, device=device)
    chain = Chain("hog", AS_IT_IS)
    hog = load_chains([chain], device=device)

    def doubled(rgb: RGB) -> list[Detection]:
        return [face for face in net.at_scale([rgb], 2)[0] if face.box.width >= _LEAST_WIDTH]

    return {
        "auto": _once(lambda rgb: search_candidates(rgb, device)),
        "centerface ×2": _once(doubled),
        "hog": _once(lambda rgb: next(hog([rgb]))[chain]),
    }


def _once(search: Callable[[RGB], list[Detection]]) -> Search:
    return functools.cache(lambda path: search(load_rgb(path)))


def false_scores(search: Search, faceless: Sequence[Path]) -> list[float]:
    """Scores of every box in images without faces."""
    return [face.score for path in faceless for face in search(path)]


def face_scores(search: Search, scenes: Scenes, most: int | None) -> list[tuple[float, float]]:
    """Best score and width of each annotated face of the first frames; a box counts once."""
    return [
        one
        for path, boxes in list(scenes.faces.items())[:most]
        for one in _matched(search(path), boxes)
    ]


def _matched(found: Sequence[Detection], boxes: Sequence[Box]) -> Iterator[tuple[float, float]]:
    left = list(found)
    for box in boxes:
        if not SIZES[0][0] <= box.width <= SIZES[0][1]:
            continue
        best = max(left, key=lambda one: iou(one.box, box), default=None)
        if best is None or iou(best.box, box) < HIT:
            yield float("-inf"), box.width
        else:
            left.remove(best)
            yield best.score, box.width
