"""Loads a pair of a detector and an upscaler as one function from images to candidates."""

from collections.abc import Iterator, Sequence
from typing import Final

from data.images.rgb import RGB
from pipeline.detection.base import Detection
from pipeline.detection.candidates import FLOOR
from pipeline.detection.centerface import shrunk
from pipeline.detection.chains import SEARCH, Chain, Finder, search_candidates
from pipeline.detection.passes import auto_passes
from pipeline.detection.registry import load_detector
from pipeline.upscalers.loading import load_upscaler

LEAST: Final = {"hog": -1.0, "centerface": FLOOR}
"""Scores from which on candidates are kept, so that a threshold can be chosen afterwards."""
_BATCH: Final = 32


def load_chain(chain: Chain, *, device: str = "auto", threads: int = 1) -> Finder:
    """The function of a chain; raises ModelError when detector or upscaler cannot be loaded."""
    if chain == SEARCH:
        return lambda images: (search_candidates(rgb, device) for rgb in images)
    upscaler = load_upscaler(chain.upscaler, device=device, threads=threads)
    detector = load_detector(chain.detector, min_score=LEAST.get(chain.detector), device=device)

    def find(images: Sequence[RGB]) -> Iterator[list[Detection]]:
        for start in range(0, len(images), _BATCH):
            part = images[start : start + _BATCH]
            for rgb, large in zip(part, upscaler(part), strict=True):
                found = detector(large, _passes(chain, large))
                yield [shrunk(face, rgb, upscaler.scale) for face in found]

    return find


def _passes(chain: Chain, large: RGB) -> int:
    return auto_passes(large.shape[1], large.shape[0]) if chain.detector == "hog" else 0
