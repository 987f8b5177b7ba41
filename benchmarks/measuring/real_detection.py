"""Recall on real small faces at equal rates of false boxes, for detectors behind upscalers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.measuring.real_sets import FaceCrop
from data.boxes import iou
from data.images.rgb import RGB
from pipeline.detection.base import Detection
from pipeline.detection.chains import Chain, Finders
from pipeline.metrics.intervals import percentiles, resampled

HIT: Final = 0.3
BINS: Final = ((8, 16), (16, 24), (24, 32))

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scores:
    """What a chain says: best score of each face's box, best false score of each faceless crop."""

    faces: Values
    faceless: Values

    def threshold(self, rate: float) -> float:
        """Least score that at most `rate` of the faceless crops reach."""
        ordered = np.sort(self.faceless)[::-1]
        allowed = int(rate * len(ordered))
        return float(ordered[allowed]) if allowed < len(ordered) else float("-inf")

    def hits(self, rate: float) -> NDArray[np.bool_]:
        """Which faces score above the threshold of that rate."""
        return np.isfinite(self.faces) & (self.faces > self.threshold(rate))

    def average_precision(self) -> float:
        """Area under precision and recall, a faceless crop's best box being a false one."""
        found = self.faces[np.isfinite(self.faces)]
        scores = np.concatenate([found, self.faceless[np.isfinite(self.faceless)]])
        true = np.arange(len(scores)) < len(found)
        true = true[np.argsort(-scores, kind="stable")]
        if not len(true):
            return 0.0
        precision = np.cumsum(true) / np.arange(1, len(true) + 1)
        return float(precision[true].sum() / max(1, len(self.faces)))


def score_chains(
    find: Finders, faces: Mapping[str, Sequence[FaceCrop]], faceless: Sequence[RGB]
) -> dict[Chain, dict[str, Scores]]:
    """What each chain says of the face crops of every set and of the faceless crops.

    A face's score is that of the best box with an IoU of at least 0.3; -inf for a miss.
    """
    false: dict[Chain, list[float]] = defaultdict(list)
    for found in find(faceless):
        for chain, boxes in found.items():
            false[chain].append(max((box.score for box in boxes), default=float("-inf")))
    hits: dict[Chain, dict[str, list[float]]] = {
        chain: {name: [] for name in faces} for chain in false
    }
    for name, own in faces.items():
        for face, found in zip(own, find([face.rgb for face in own]), strict=True):
            for chain, boxes in found.items():
                hits[chain][name].append(_hit(boxes, face))
    return {
        chain: {
            name: Scores(np.array(scores), np.array(false[chain])) for name, scores in sets.items()
        }
        for chain, sets in hits.items()
    }


def _hit(found: Sequence[Detection], face: FaceCrop) -> float:
    scores = (one.score for one in found if iou(one.box, face.box) >= HIT)
    return max(scores, default=float("-inf"))


def paired_difference(a: Scores, b: Scores, rate: float, seed: int) -> tuple[float, float, float]:
    """Recall of `a` less that of `b` at one rate with its 95 % interval.

    Faces and faceless crops are drawn anew, the same for both: the threshold moves too.
    """

    def gain(faces: Values, faceless: Values) -> float:
        shares = [Scores(faces[:, i], faceless[:, i]).hits(rate).mean() for i in (0, 1)]
        return float(shares[0] - shares[1])

    faces, faceless = (
        np.column_stack(both) for both in ((a.faces, b.faces), (a.faceless, b.faceless))
    )
    ends = percentiles(resampled(gain, faces, faceless, rng=np.random.default_rng(seed)))
    return gain(faces, faceless), ends.lo, ends.hi
