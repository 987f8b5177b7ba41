"""Training images of people who are also in the test set: found by face embeddings, left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.prepared import read_index, write_excluded

THRESHOLD: Final = 0.40
"""Euclidean distance in dlib's embedding below which two images count as one person."""

_CHUNK: Final = 2048


@dataclass(frozen=True, slots=True)
class Near:
    """A training image that is too close to a test image."""

    image: str
    test_image: str
    distance: float


def near(
    images: Sequence[str],
    embeddings: NDArray[np.float32],
    test_images: Sequence[str],
    test_embeddings: NDArray[np.float32],
    threshold: float = THRESHOLD,
) -> list[Near]:
    """Every training image whose nearest test image is closer than `threshold`."""
    found = []
    for start in range(0, len(images), _CHUNK):
        part = embeddings[start : start + _CHUNK].astype(np.float64)
        squares = np.square(part).sum(1)[:, None] + np.square(test_embeddings).sum(1)[None]
        distances = np.sqrt(np.maximum(squares - 2 * part @ test_embeddings.T, 0))
        nearest = distances.argmin(1)
        for row, column in enumerate(nearest):
            distance = float(distances[row, column])
            if distance < threshold:
                found.append(Near(images[start + row], test_images[column], distance))
    return found


def exclude(cache: Path, found: Sequence[Near]) -> int:
    """Record in a prepared dataset what it must leave out; how many rows that are.

    Raises KeyError for an image that the dataset does not hold.
    """
    known = {image for image, _, _ in read_index(cache)}
    for item in found:
        if item.image not in known:
            raise KeyError(item.image)
    write_excluded(cache, ((n.image, n.test_image, n.distance) for n in found))
    return len(found)
