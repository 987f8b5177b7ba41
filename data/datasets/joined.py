"""Several datasets as one training set, and seeded subsets of each."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data.datasets.base import Dataset, DatasetError
from data.prepared import DatasetImage


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A copy of a dataset, and how many of its images are taken."""

    dataset: Dataset
    root: Path
    limit: int | None = None
    """So many, drawn without replacement; all where there are fewer."""

    def images(self, seed: int) -> list[DatasetImage]:
        """The images in the dataset's order; raises DatasetError where there is none."""
        found = self.dataset.images(self.root)
        if not found:
            raise DatasetError(
                f"{self.root} holds no image of {self.dataset.name}: {self.dataset.layout}"
            )
        if self.limit is None or self.limit >= len(found):
            return found
        rows = np.random.default_rng(seed).choice(len(found), self.limit, replace=False)
        return [found[row] for row in np.sort(rows)]


def joined(parts: Sequence[Part], *, seed: int) -> tuple[Dataset, list[DatasetImage]]:
    """The images of all parts, and a dataset that stands for them.

    Of more than one part, each image's key begins with the name of its dataset, and so does its
    identity. The images differ in size before they are prepared; the side is the smallest usual
    one. Raises DatasetError for no part, for one dataset twice, or where the squares are cut at
    different heights.
    """
    if not parts:
        raise DatasetError("no dataset is named")
    if len(parts) == 1:
        return parts[0].dataset, parts[0].images(seed)
    names = [part.dataset.name for part in parts]
    if len(set(names)) < len(names):
        raise DatasetError(f"a dataset is named twice: {', '.join(names)}")
    if len({part.dataset.anchor for part in parts}) > 1:
        raise DatasetError(
            f"{' and '.join(names)} are cut at different heights: prepare them apart"
        )
    whole = dataclasses.replace(
        parts[0].dataset,
        name="+".join(names),
        side=min(part.dataset.side for part in parts),
        test_only=any(part.dataset.test_only for part in parts),
    )
    images = [
        dataclasses.replace(
            image,
            key=f"{part.dataset.name}/{image.key}",
            identity=f"{part.dataset.name}/{image.identity}" if image.identity else "",
        )
        for part in parts
        for image in part.images(seed)
    ]
    return whole, images
