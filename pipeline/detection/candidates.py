"""From what a network says about tiles, scales and mirror images to one list of candidates."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.boxes import Box
from data.images.rgb import RGB
from pipeline.detection.base import Detection
from pipeline.detection.centerface import CenterFace, resized, shrunk
from pipeline.detection.suppression import overlaps, suppress
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
    return without_parts(best(found))


def search_tiles(net: CenterFace, rgb: RGB, scale: float) -> list[Detection]:
    """Faces of `rgb` searched at `scale`, in tiles; boxes in pixels of `rgb`."""
    height, width = rgb.shape[:2]
    found: list[Detection] = []
    for tile in tiles(width, height, scale):
        part = np.ascontiguousarray(rgb[tile.top : tile.bottom, tile.left : tile.right])
        faces = (moved(face, tile.left, tile.top) for face in net.at_scale([part], scale)[0])
        found += [face for face in faces if not tile.cuts(face.box)]
    return found


def search_mirrored(
    net: CenterFace, crops: Sequence[RGB], scales: Sequence[float]
) -> list[list[Candidate]]:
    """Candidates of each crop and its mirror image, with the mean of both scores.

    Crops of one padded size go through the network together; `scales` has one for each.
    """
    both = [*crops, *(np.ascontiguousarray(rgb[:, ::-1]) for rgb in crops)]
    found = net.batch([resized(rgb, scale) for rgb, scale in zip(both, [*scales] * 2, strict=True)])
    return [
        _merged(
            [shrunk(face, rgb, scale) for face in plain],
            [mirrored(shrunk(face, rgb, scale), rgb.shape[1]) for face in mirror],
            scale,
        )
        for rgb, scale, plain, mirror in zip(
            crops, scales, found[: len(crops)], found[len(crops) :], strict=True
        )
    ]


def _merged(
    plain: Sequence[Detection], mirror: Sequence[Detection], scale: float
) -> list[Candidate]:
    merged = best([(face, scale) for view in (plain, mirror) for face in view])
    faces = [face for face, _ in merged]
    means = (best_scores(plain, faces, _SAME) + best_scores(mirror, faces, _SAME)) / 2
    scored = [
        (replace(face, score=float(mean)), at)
        for (face, at), mean in zip(merged, means, strict=True)
    ]
    return without_parts(sorted(scored, key=lambda one: -one[0].score))


def best_scores(
    view: Sequence[Detection], faces: Sequence[Detection], least_iou: float
) -> NDArray[np.float64]:
    """The best score that a view gives to each face, `FLOOR` where it does not see it."""
    if not view or not faces:
        return np.full(len(faces), FLOOR)
    edges = (np.array([_edges(one.box) for one in group]) for group in (faces, view))
    seen = np.where(overlaps(*edges) > least_iou, [one.score for one in view], FLOOR)
    highest: NDArray[np.float64] = np.maximum(seen.max(axis=1), FLOOR)
    return highest


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


def best(found: Sequence[Candidate]) -> list[Candidate]:
    """The candidates without those that a better one overlaps, best first."""
    if not found:
        return []
    boxes = np.array([_edges(face.box) for face, _ in found], np.float32)
    scores = np.array([face.score for face, _ in found], np.float32)
    return [found[index] for index in suppress(boxes, scores, _MOST_IOU)]


def _edges(box: Box) -> tuple[float, float, float, float]:
    return box.left, box.top, box.right, box.bottom


def without_parts(found: Sequence[Candidate]) -> list[Candidate]:
    """Leave out boxes that lie within a better, larger face: an eye or a mouth taken for one."""
    if len(found) < 2:
        return list(found)
    boxes = np.array([_edges(face.box) for face, _ in found])
    sides = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    sides -= np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    shared = np.clip(sides, 0, None).prod(axis=2)
    lies_in = shared > _PART * (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)[:, None]
    kept = np.zeros(len(found), np.bool_)
    for index, others in enumerate(lies_in):
        kept[index] = not others[kept].any()
    return [one for one, keep in zip(found, kept, strict=True) if keep]
