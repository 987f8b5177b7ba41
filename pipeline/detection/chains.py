"""One score for one image: what every pair of a detector and an upscaler sees in a crop.

`centerface` on `bicubic` is the search of `--detector auto`; any other pair is the paper's chain:
the crop is upscaled whole and searched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from data.images.rgb import RGB
from pipeline.detection.base import Detection
from pipeline.detection.candidates import FLOOR, search_mirrored, search_scales
from pipeline.detection.centerface import load_centerface, shrunk
from pipeline.detection.passes import auto_passes
from pipeline.detection.registry import load_detector
from pipeline.detection.scales import plan
from pipeline.upscalers.loading import load_upscaler

LEAST: Final = {"hog": -1.0, "centerface": FLOOR}
"""Scores from which on candidates are kept, so that a threshold can be chosen afterwards."""
_BATCH: Final = 32

Finder = Callable[[Sequence[RGB]], Iterator[list[Detection]]]


@dataclass(frozen=True, slots=True)
class Chain:
    """A detector behind an upscaler, as tables name them."""

    detector: str
    upscaler: str

    def load(self, *, device: str = "auto", threads: int = 1) -> Finder:
        """The function from images to their candidates, best first, in pixels of each image.

        Raises ModelError when the detector or the upscaler cannot be loaded.
        """
        if self == SEARCH:
            return lambda images: (search_candidates(rgb, device) for rgb in images)
        upscaler = load_upscaler(self.upscaler, device=device, threads=threads)
        detector = load_detector(self.detector, min_score=LEAST.get(self.detector), device=device)

        def find(images: Sequence[RGB]) -> Iterator[list[Detection]]:
            for start in range(0, len(images), _BATCH):
                part = images[start : start + _BATCH]
                for rgb, large in zip(part, upscaler(part), strict=True):
                    found = detector(large, self._passes(large))
                    yield [shrunk(face, rgb, upscaler.scale) for face in found]

        return find

    def _passes(self, large: RGB) -> int:
        return auto_passes(large.shape[1], large.shape[0]) if self.detector == "hog" else 0


SEARCH: Final = Chain("centerface", "bicubic")


def search_candidates(rgb: RGB, device: str = "auto") -> list[Detection]:
    """Every candidate of the search of `auto`, best first, whatever its score and size."""
    how = plan(rgb.shape[1], rgb.shape[0])
    net = load_centerface(min_score=FLOOR, device=device)
    found = (
        search_mirrored(net, rgb, how.scales[0])
        if how.mirrored
        else search_scales(net, rgb, how.scales)
    )
    return [face for face, _ in found if face.box.width >= how.min_face]
