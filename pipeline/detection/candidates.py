"""From what a network says about tiles, scales and mirror images to one list of candidates."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from data.boxes import Box, iou
from data.images.rgb import RGB
from pipeline.detection.base import Detection
from pipeline.detection.centerface import CenterFace
from pipeline.detection.suppression import suppress
from pipeline.detection.tiles import tiles

Candidate = tuple[Detection, float]
"""A face in pixels of the image, and the scale at which it was found."""

FLOOR: Final = 0.03
"""Least score of a candidate; a view that does not see a face counts so much."""
_MOST_IOU: Final = 0.3
_SAME: Final = 0.4
_PART: Final = 0.7


def search_scales(net: CenterFace, rgb: RGB, scales: Sequence[float]) -> list[Candidate]:
    """Candidates of a frame from all scales, best first, each face once."""
    found: list[Candidate] = []
    for scale in scales:
        found += [(face, scale) for face in search_tiles(net, rgb, scale)]
    return without_parts(_best(found))


def search_tiles(net: CenterFace, rgb: RGB, scale: float) -> list[Detection]:
    """Faces of `rgb` searched at `scale`, in tiles; boxes in pixels of `rgb`."""
    height, width = rgb.shape[:2]
    found: list[Detection] = []
    for tile in tiles(width, height, scale):
        part = np.ascontiguousarray(rgb[tile.top : tile.bottom, tile.left : tile.right])
        faces = (moved(face, tile.left, tile.top) for face in net.at_scale([part], scale)[0])
        found += [face for face in faces if not tile.cuts(face.box)]
    return found


def search_mirrored(net: CenterFace, rgb: RGB, scale: float) -> list[Candidate]:
    """Candidates of a crop and of its mirror image, with the mean of both scores."""
    plain, mirror = net.at_scale([rgb, np.ascontiguousarray(rgb[:, ::-1])], scale)
    views = plain, [mirrored(face, rgb.shape[1]) for face in mirror]
    merged = _best([(face, scale) for view in views for face in view])
    scored = [
        (replace(face, score=float(np.mean([_score(view, face.box) for view in views]))), at)
        for face, at in merged
    ]
    return without_parts(sorted(scored, key=lambda one: -one[0].score))


def _score(view: Iterable[Detection], box: Box) -> float:
    """The best score that a view gives to the face at `box`."""
    return max((face.score for face in view if iou(face.box, box) > _SAME), default=FLOOR)


def mirrored(face: Detection, width: int) -> Detection:
    """A face of the mirror image in pixels of the image, `width` wide; left stays left."""
    box = Box(width - face.box.right, face.box.top, width - face.box.left, face.box.bottom)
    if face.landmarks is None:
        return replace(face, box=box)
    right_eye, left_eye, nose, right_mouth, left_mouth = ((width - x, y) for x, y in face.landmarks)
    return Detection(box, face.score, (left_eye, right_eye, nose, left_mouth, right_mouth))


def moved(face: Detection, dx: float, dy: float) -> Detection:
    """The same face after the origin moved by `(-dx, -dy)`."""
    marks = face.landmarks and tuple((x + dx, y + dy) for x, y in face.landmarks)
    return Detection(face.box.shifted(dx, dy), face.score, marks)


def _best(found: Sequence[Candidate]) -> list[Candidate]:
    if not found:
        return []
    boxes = np.array([_edges(face.box) for face, _ in found], np.float32)
    scores = np.array([face.score for face, _ in found], np.float32)
    return [found[index] for index in suppress(boxes, scores, _MOST_IOU)]


def _edges(box: Box) -> tuple[float, float, float, float]:
    return box.left, box.top, box.right, box.bottom


def without_parts(found: Sequence[Candidate]) -> list[Candidate]:
    """Leave out boxes that lie within a better, larger face: an eye or a mouth taken for one."""
    kept: list[Candidate] = []
    for face, scale in found:
        if not any(_lies_in(face.box, other.box) for other, _ in kept):
            kept.append((face, scale))
    return kept


def _lies_in(box: Box, other: Box) -> bool:
    across = min(box.right, other.right) - max(box.left, other.left)
    down = min(box.bottom, other.bottom) - max(box.top, other.top)
    return across > 0 and down > 0 and across * down > _PART * box.area
