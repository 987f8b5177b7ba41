"""What another detector finds in images that Table 4 judges by HOG."""

from __future__ import annotations

from typing import Final

from benchmarks.context import Bench
from benchmarks.image_sets import ImageSet, source_of
from benchmarks.protocols import Protocol
from pipeline.detection.registry import load_detector
from pipeline.jobs.degrade import Degradation
from pipeline.upscalers.loading import load_upscaler

SCORE: Final = 0.35
"""deepface's threshold for CenterFace."""
MOST: Final = 100
VERSION: Final = 1
"""Of the counts. Raise it when one moves, so that older results are not reused."""


def found_on_bicubic(bench: Bench, protocol: Protocol, images: ImageSet) -> tuple[int, int]:
    """In how many of the first hundred bicubic images CenterFace finds a face, and their number."""
    few = images.first(MOST)

    def count() -> list[int]:
        detector = load_detector("centerface", min_score=SCORE, device="cpu")
        bicubic = load_upscaler("bicubic")
        made = Degradation(protocol.crop)
        lrs = [made(source_of(one).load(), one.key)[1] for one in few.images]
        return [sum(bool(detector(sr, 0)) for sr in bicubic(lrs)), len(lrs)]

    parts = {
        "what": "centerface on bicubic",
        "version": VERSION,
        "data": few.digest,
        "crop": protocol.crop,
        "score": SCORE,
    }
    found, n = bench.cache.json(parts, count)
    return int(found), int(n)
