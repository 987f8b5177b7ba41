"""Loads pairs of a detector and an upscaler as one function from images to candidates."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from data.images.rgb import RGB
from pipeline.detection.base import Detection
from pipeline.detection.candidates import FLOOR
from pipeline.detection.centerface import shrunk
from pipeline.detection.chains import SEARCH, Chain, Finder, candidates_of
from pipeline.detection.passes import auto_passes
from pipeline.detection.registry import load_detector
from pipeline.upscalers.loading import load_upscaler

LEAST: Final = {"hog": -1.0, "centerface": FLOOR}
"""Scores from which on candidates are kept, so that a threshold can be chosen afterwards."""
_BATCH: Final = 32

Finders = Callable[[Sequence[RGB]], Iterator[dict[Chain, list[Detection]]]]
"""From images to what each chain finds in them."""


def load_chain(chain: Chain, *, device: str = "auto", threads: int = 1) -> Finder:
    """The function of a chain; raises ModelError when detector or upscaler cannot be loaded."""
    find = load_chains([chain], device=device, threads=threads)
    return lambda images: (found[chain] for found in find(images))


def load_chains(chains: Sequence[Chain], *, device: str = "auto", threads: int = 1) -> Finders:
    """One function for chains of one upscaler: an image is upscaled once for all detectors.

    Raises ModelError when a detector or the upscaler cannot be loaded, ValueError when the chains
    have several upscalers.
    """
    (name,) = {chain.upscaler for chain in chains}
    upscaler = load_upscaler(name, device=device, threads=threads)
    detectors = {
        chain: load_detector(chain.detector, min_score=LEAST.get(chain.detector), device=device)
        for chain in chains
        if chain != SEARCH
    }

    def find(images: Sequence[RGB]) -> Iterator[dict[Chain, list[Detection]]]:
        for start in range(0, len(images), _BATCH):
            part = images[start : start + _BATCH]
            enlarged = upscaler(part) if detectors else part
            searched = candidates_of(part, device) if SEARCH in chains else [[] for _ in part]
            for rgb, large, candidates in zip(part, enlarged, searched, strict=True):
                found = {SEARCH: candidates} if SEARCH in chains else {}
                for chain, detector in detectors.items():
                    faces = detector(large, _passes(chain, large))
                    found[chain] = [shrunk(face, rgb, upscaler.scale) for face in faces]
                yield found

    return find


def _passes(chain: Chain, large: RGB) -> int:
    return auto_passes(large.shape[1], large.shape[0]) if chain.detector == "hog" else 0
