"""Non-maximum suppression: of boxes that overlap, the best one stays."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]
_BLOCK: Final = 256


def suppress(boxes: Boxes, scores: NDArray[np.float32], most_iou: float) -> NDArray[np.intp]:
    """Indices of the boxes that stay, best score first.

    `boxes` is `(N, 4)`: left, top, right, bottom. A box goes when a better one that stays overlaps
    it with an IoU above `most_iou`, in [0, 1].

    Examples:
        >>> boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [30, 0, 40, 10]], np.float32)
        >>> suppress(boxes, np.array([0.5, 0.9, 0.1], np.float32), 0.3).tolist()
        [1, 2]
    """
    order = np.argsort(-scores, kind="stable")
    ranked = boxes[order]
    alive = np.ones(len(order), np.bool_)
    kept: list[int] = []
    # In blocks: a table of all overlaps at once is fast, and thousands of boxes do not fill memory.
    for start in range(0, len(order), _BLOCK):
        block = ranked[start : start + _BLOCK]
        near = overlaps(block, ranked[start:]) > most_iou
        for row, others in enumerate(near):
            if alive[start + row]:
                kept.append(start + row)
                alive[start:] &= ~others
    return order[kept]


def overlaps(
    boxes: NDArray[np.floating[Any]], others: NDArray[np.floating[Any]]
) -> NDArray[np.floating[Any]]:
    """IoU of every box with every other, `(N, M)`, from edges `(N, 4)` and `(M, 4)`."""
    sides = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    sides -= np.maximum(boxes[:, None, :2], others[None, :, :2])
    np.maximum(sides, 0, out=sides)
    shared = sides[..., 0] * sides[..., 1]
    union = _areas(boxes)[:, None] + _areas(others)[None] - shared
    found: NDArray[np.floating[Any]] = np.zeros_like(shared)
    np.divide(shared, union, out=found, where=union > 0)
    return found


def _areas(boxes: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    areas: NDArray[np.floating[Any]] = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return areas
