"""Non-maximum suppression: of boxes that overlap, the best one stays."""

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]


def suppress(boxes: Boxes, scores: NDArray[np.float32], most_iou: float) -> NDArray[np.intp]:
    """Indices of the boxes that stay, best score first.

    `boxes` is `(N, 4)`: left, top, right, bottom. A box goes when a better one that stays overlaps
    it with an IoU above `most_iou`, in [0, 1].

    >>> boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [30, 0, 40, 10]], np.float32)
    >>> suppress(boxes, np.array([0.5, 0.9, 0.1], np.float32), 0.3).tolist()
    [1, 2]
    """
    order = np.argsort(-scores, kind="stable")
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    kept: list[np.intp] = []
    while order.size:
        best, order = order[0], order[1:]
        kept.append(best)
        order = order[_overlap(boxes[best], area[best], boxes[order], area[order]) <= most_iou]
    return np.array(kept, np.intp)


def _overlap(
    box: Boxes, own: np.float32, others: Boxes, areas: NDArray[np.float32]
) -> NDArray[np.float32]:
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    np.maximum(sides, 0, out=sides)
    shared = sides[:, 0] * sides[:, 1]
    union = own + areas - shared
    overlap: NDArray[np.float32] = np.zeros_like(shared)
    np.divide(shared, union, out=overlap, where=union > 0)
    return overlap
