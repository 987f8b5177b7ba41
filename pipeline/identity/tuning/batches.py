"""Batches of small faces by their step, made when asked for or ahead in processes."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, Sampler

from gflmser.training.order import EpochOrder
from pipeline.identity.alignment import CHIP, TEMPLATE, similarity
from pipeline.identity.tuning.faces import TrainingFaces
from pipeline.identity.tuning.seen import Looks, enlarged, small_faces
from pipeline.identity.views import Upscale

__all__ = ["Batches", "SmallFaces", "chips_on", "made_ahead"]


@dataclass(frozen=True, slots=True, eq=False)
class SmallFaces:
    """`N` faces of one size."""

    upscaler: str
    """What restores them."""
    rows: NDArray[np.int64]
    """`(N,)`, which training faces they are."""
    images: NDArray[np.uint8]
    """`(N, H, H, 3)`: LR, or restored already."""
    restored: bool
    marks: NDArray[np.float64]
    """`(N, 5, 2)` in pixels of `images`."""
    share: NDArray[np.float32]
    """`(N, 2, 3)`: takes a pixel of a chip to its place in the image, -1 to 1 from edge to edge."""


@dataclass(frozen=True, slots=True, eq=False)
class Batches:
    """What a step is made of; it depends on the seed and the step alone."""

    faces: TrainingFaces
    size: int
    seed: int
    upscalers: Mapping[str, float]
    looks: Looks
    here: Mapping[str, Upscale]
    """Upscalers that restore where the batch is made: interpolation is quicker than its way."""

    def __call__(self, step: int) -> SmallFaces:
        """The batch of `step`."""
        seed = (self.seed, step)
        draw = np.random.default_rng(seed)
        side = int(draw.choice(self.looks.sides, p=self.looks.side_shares))
        names, shares = zip(*self.upscalers.items(), strict=True)
        name = str(draw.choice(names, p=np.array(shares) / sum(shares)))
        order = _order(len(self.faces), self.seed)
        rows = [order(step * self.size + i) for i in range(self.size)]
        small = small_faces([self.faces[row] for row in rows], side, self.looks, seed)
        restored = name in self.here
        if restored:
            small = enlarged(small, self.here[name])
        images, marks = (np.stack(column) for column in zip(*small, strict=True))
        share = np.stack([_share(one, images.shape[1]) for one in marks])
        return SmallFaces(name, np.array(rows), images, restored, marks, share)


def made_ahead(batches: Batches, *, first: int, workers: int) -> Iterator[SmallFaces]:
    """The batches from step `first` on without an end, by so many processes; 0: by this one."""
    if workers == 0:
        return map(batches, count(first))
    loader = DataLoader(
        _Steps(batches),
        batch_size=None,
        sampler=_From(first),
        num_workers=workers,
        multiprocessing_context="spawn",  # a process that was forked after CUDA's start hangs
    )
    return iter(loader)


def chips_on(images: NDArray[np.uint8], share: Tensor) -> Tensor:
    """The upright faces `(N, 3, 150, 150)`, 0-255, cut out on the device of `share`.

    `images` are `(N, H, H, 3)`, `share` as in `SmallFaces`. Within a level of `chips_of`, but for
    faces that are reduced: OpenCV has 32 places between two pixels.
    """
    there = torch.from_numpy(images).to(share.device).permute(0, 3, 1, 2).float()
    pixel = torch.arange(CHIP, dtype=share.dtype, device=share.device)
    across, down, shift = (share[:, :, kind].view(-1, 1, 1, 2) for kind in range(3))
    # No matrix product: TF32 would move pixels.
    grid = across * pixel.view(1, 1, -1, 1) + down * pixel.view(1, -1, 1, 1) + shift
    return functional.grid_sample(there, grid, align_corners=False).round()


class _Steps(Dataset[SmallFaces]):
    def __init__(self, batches: Batches) -> None:
        self._batches = batches

    def __getitem__(self, step: int) -> SmallFaces:
        return self._batches(step)


class _From(Sampler[int]):
    def __init__(self, first: int) -> None:
        self._first = first

    def __iter__(self) -> Iterator[int]:
        return count(self._first)


@functools.lru_cache(maxsize=1)
def _order(faces: int, seed: int) -> EpochOrder:
    return EpochOrder(faces, seed=seed)


def _share(marks: NDArray[np.float64], side: int) -> NDArray[np.float32]:
    to_chip = similarity([(float(x), float(y)) for x, y in marks], TEMPLATE)
    whole = np.vstack([to_chip, [0.0, 0.0, 1.0]])
    edges = np.array([[2 / side, 0, 1 / side - 1], [0, 2 / side, 1 / side - 1], [0, 0, 1]])
    found: NDArray[Any] = (edges @ np.linalg.inv(whole))[:2]
    return found.astype(np.float32)
