"""LR images by a trained H2L: several draws of its noise for each face."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data.errors import UsageError
from gflmser.cards import WeightsError
from gflmser.degrader import MULTIPLE, Degrader, load_degrader
from gflmser.network import SCALE
from gflmser.weight_files import digest
from gflmser.weights import find
from pipeline.engine.job import Images, Item
from pipeline.jobs.degrade import Degradation, DegradeImages


@dataclass(frozen=True)
class DegradeByH2L(DegradeImages):
    """The job of `degrade --h2l`: `out/hr/...`, `out/lr/...`, and `out/lr-2/...` to `out/lr-K/...`.

    Each draw depends on the seed, the image's key and the number of the draw alone.
    """

    h2l: str
    """Name of a shipped weight, or the path of a safetensors file."""
    draws: int = 1

    def settings(self) -> dict[str, object]:
        """What the images depend on."""
        made_by = {"h2l": self.h2l, "sha256": digest(find(self.h2l)), "draws": self.draws}
        return super().settings() | made_by

    def enlarge(self, batch: Sequence[Item]) -> list[Images]:
        """Add the draws to each item's images."""
        images = np.stack([item.images["hr"] for item in batch])
        made = [{"hr": item.images["hr"]} for item in batch]
        for draw in range(self.draws):
            seeds = [self._seed(item.source.key, draw) for item in batch]
            for images_of_one, lr in zip(made, _degrader(self.h2l)(images, seeds), strict=True):
                images_of_one[folder(draw)] = lr
        return made

    def _seed(self, key: str, draw: int) -> int:
        text = f"{self.degradation.seed}:{key}:{draw}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def by_h2l(out: Path, degradation: Degradation, *, h2l: str, draws: int) -> DegradeByH2L:
    """The job, checked; raises UsageError where it cannot be done.

    H2L makes a quarter of HR, whose side is a multiple of 16; it replaces the camera.
    """
    if degradation.camera:
        raise UsageError("--h2l and --camera are two ways of degrading: choose one")
    if degradation.hr % MULTIPLE or degradation.lr * SCALE != degradation.hr:
        raise UsageError("with --h2l, --hr is a multiple of 16 and --lr a quarter of it")
    try:
        _degrader(h2l)
    except WeightsError as error:
        raise UsageError(f"--h2l: {error}") from error
    return DegradeByH2L(out, degradation, h2l, draws)


def folder(draw: int) -> str:
    """Where the images of a draw go: `lr`, then `lr-2` and so on."""
    return "lr" if draw == 0 else f"lr-{draw + 1}"


@functools.lru_cache(maxsize=1)
def _degrader(name: str) -> Degrader:
    return load_degrader(name)
