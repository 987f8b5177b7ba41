"""The search of `--detector auto`: faces of any size in frames and crops, by CenterFace.

The image is searched at the scale that its size asks for; what was found is judged by the rate of
false boxes that its score stands for. The image is never restored whole: `face_cut` cuts the faces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from data.boxes import Box
from data.images.rgb import RGB
from pipeline.detection.base import Landmarks
from pipeline.detection.candidates import FLOOR, Candidate
from pipeline.detection.centerface import load_centerface
from pipeline.detection.choose import choose_faces
from pipeline.detection.rates import Kind, Rates, rates_of
from pipeline.detection.scales import plan
from pipeline.detection.second_look import search_all
from pipeline.detection.size_class import DoriClass, dori_class
from pipeline.detection.thresholds import CROP_RATE, FRAME_RATE
from pipeline.names import FacesWanted

DETECTOR: Final = "centerface"
FOUND_ON: Final = "bicubic"
"""What the image is enlarged by for the search."""
_UNCALIBRATED: Final = {"crop": 0.25, "frame": 0.4}
_WORTH_A_ROW: Final = 0.6
"""Candidates with at least this share of the threshold are told, with the reason of their drop."""


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """What is searched for; the defaults find faces from 8 px on (4 px in crops)."""

    min_face: float | None = None
    """Least width of a face in pixels of the image; None: 8, in a crop 4."""
    max_face: float | None = None
    """Largest width of a face in pixels of the image; None: any."""
    min_score: float | None = None
    """Least score; None takes the calibrated one: 1 % of faceless crops, 0.05 per frame."""
    faces: FacesWanted = "all"
    device: str = "auto"
    threads: int = 1
    """CPU threads of the network; 0 takes every core."""


@dataclass(frozen=True, slots=True)
class FoundFace:
    """A face, or a candidate that was dropped, in pixels of the image that was searched."""

    box: Box
    score: float
    landmarks: Landmarks | None
    fp_rate: float | None
    """Rate of false boxes at this score: a share of faceless crops, or boxes per faceless frame."""
    kind: Kind
    """Which of the two `fp_rate` is."""
    found_at: float
    """The scale at which it was found: 2 means that the image was doubled."""
    grey: bool
    """Whether the image has no colour."""
    threshold: float
    dropped: str = ""
    """Why it is no face to `detect`; empty for a face that was kept."""

    @property
    def face_px(self) -> float:
        """Width of the face in pixels of the image."""
        return self.box.width

    @property
    def dori(self) -> DoriClass:
        """The class of EN 62676-4 for a face of this width."""
        return dori_class(self.face_px)


def search_image(rgb: RGB, settings: SearchSettings | None = None) -> list[FoundFace]:
    """Find the faces of `rgb`, `(H, W, 3)` uint8; best score first, dropped candidates last.

    A longer side of at most 160 px makes the image a crop: it is enlarged to about 128 px and
    searched together with its mirror image. Larger images are frames: they are searched in tiles,
    so that memory does not grow with them, and what is in doubt is looked at again enlarged.
    Raises ModelError when CenterFace's model or its runtime is missing.

    Examples:
        >>> faces = [face for face in search_image(rgb) if not face.dropped]  # doctest: +SKIP
    """
    return search_images([rgb], settings)[0]


def search_images(
    images: Sequence[RGB], settings: SearchSettings | None = None
) -> list[list[FoundFace]]:
    """`search_image` of each; crops of one size go through the network together."""
    wanted = settings or SearchSettings()
    hows = [plan(rgb.shape[1], rgb.shape[0], wanted.min_face) for rgb in images]
    net = load_centerface(min_score=FLOOR, device=wanted.device, threads=wanted.threads)
    found = search_all(net, images, hows)
    return [
        _judged(candidates, rgb, wanted, how.min_face)
        for candidates, rgb, how in zip(found, images, hows, strict=True)
    ]


def _judged(
    found: Sequence[Candidate], rgb: RGB, wanted: SearchSettings, min_face: float
) -> list[FoundFace]:
    height, width = rgb.shape[:2]
    rates = rates_of(rgb, DETECTOR, FOUND_ON)
    least = wanted.min_score if wanted.min_score is not None else _threshold(rates)
    faces = [
        FoundFace(
            box=face.box,
            score=face.score,
            landmarks=face.landmarks,
            fp_rate=rates.rate(face.score),
            kind=rates.kind,
            found_at=scale,
            grey=rates.grey,
            threshold=least,
            dropped=_reason(face.box, face.score, least, wanted, min_face),
        )
        for face, scale in found
        if face.box.area > 0 and face.score >= _WORTH_A_ROW * least
    ]
    kept = [face for face in faces if not face.dropped]
    chosen = choose_faces(kept, wanted.faces, width, height)
    others = [replace(f, dropped=f"--faces {wanted.faces}") for f in kept if f not in chosen]
    return [*chosen, *others, *(face for face in faces if face.dropped)]


def _threshold(rates: Rates) -> float:
    if rates.curve is None:
        return _UNCALIBRATED[rates.kind]
    return rates.curve.threshold(CROP_RATE if rates.kind == "crop" else FRAME_RATE)


def _reason(box: Box, score: float, least: float, wanted: SearchSettings, min_face: float) -> str:
    if score < least:
        return f"score below {least:.3f}"
    if box.width < min_face:
        return f"narrower than {min_face:g} px"
    if wanted.max_face is not None and box.width > wanted.max_face:
        return f"wider than {wanted.max_face:g} px"
    return ""
