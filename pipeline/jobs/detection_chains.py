"""Loads pairs of a detector and an upscaler as one function from images to candidates."""

from collections.abc import Iterator, Sequence
from typing import Final

from data.images.rgb import RGB
from pipeline.detection.base import Detection
from pipeline.detection.candidates import FLOOR
from pipeline.detection.centerface import shrunk
from pipeline.detection.chains import SEARCH, Chain, Finders, candidates_of
from pipeline.detection.passes import passes_of
from pipeline.detection.registry import load_detector
from pipeline.jobs.face_settings import UPSCALE_BELOW
from pipeline.names import AS_IT_IS
from pipeline.upscalers.loading import Upscaler, load_upscaler

LEAST: Final = {"hog": -1.0, "centerface": FLOOR}
"""Scores from which on candidates are kept, so that a threshold can be chosen afterwards."""
_BATCH: Final = 32


def load_chains(chains: Sequence[Chain], *, device: str = "auto", threads: int = 1) -> Finders:
    """One function for chains of one upscaler: an image is upscaled once for all detectors.

    As in `detect`, an image of `UPSCALE_BELOW` pixels or more is searched as it is; the upscaler
    `none` leaves every image as it is. Raises ModelError when a detector or the upscaler cannot
    be loaded, ValueError when the chains have several upscalers.
    """
    (name,) = {chain.upscaler for chain in chains}
    upscaler = None if name == AS_IT_IS else load_upscaler(name, device=device, threads=threads)
    detectors = {
        chain: load_detector(chain.detector, min_score=LEAST.get(chain.detector), device=device)
        for chain in chains
        if chain != SEARCH
    }

    def find(images: Sequence[RGB]) -> Iterator[dict[Chain, list[Detection]]]:
        for start in range(0, len(images), _BATCH):
            part = images[start : start + _BATCH]
            enlarged = _enlarged(part, upscaler) if detectors else part
            searched = candidates_of(part, device) if SEARCH in chains else [[] for _ in part]
            for rgb, large, candidates in zip(part, enlarged, searched, strict=True):
                found = {SEARCH: candidates} if SEARCH in chains else {}
                scale = large.shape[0] / rgb.shape[0]
                for chain, detector in detectors.items():
                    passes = passes_of(chain.detector, large.shape[1], large.shape[0])
                    found[chain] = [shrunk(face, rgb, scale) for face in detector(large, passes)]
                yield found

    return find


def _enlarged(images: Sequence[RGB], upscaler: Upscaler | None) -> list[RGB]:
    made = list(images)
    small = [i for i, rgb in enumerate(images) if min(rgb.shape[:2]) < UPSCALE_BELOW]
    if upscaler is not None and small:
        for i, large in zip(small, upscaler([images[i] for i in small]), strict=True):
            made[i] = large
    return made
