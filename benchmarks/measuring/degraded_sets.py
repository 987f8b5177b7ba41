"""PSNR of restored faces of one degraded set (design.md, section 4), image by image."""

from __future__ import annotations

from typing import Final

from benchmarks.context import Bench
from benchmarks.image_sets import ImageSet, source_of
from benchmarks.methods import Entrant
from benchmarks.protocols import DEGRADED_CROP
from data.images.rgb import RGB
from pipeline.jobs.degrade import Degradation
from pipeline.metrics.image_quality import psnr_rgb
from pipeline.upscalers.base import restore

VERSION: Final = 1
"""Raised when a figure of the same image and weights changes."""


def measure_set(bench: Bench, entrant: Entrant, images: ImageSet, name: str) -> dict[str, float]:
    """PSNR (RGB, dB) of each readable image by its key, its LR made by the degraded set `name`."""
    parts = {
        "what": "degraded",
        "version": VERSION,
        "set": name,
        "crop": DEGRADED_CROP,
        "seed": bench.seed,
        "method": entrant.name,
        "weights": entrant.fingerprint,
        "data": images.digest,
        **bench.arithmetic,
    }

    def compute() -> dict[str, float]:
        bench.say(f"{images.name}, {name}: {entrant.name}")
        keys, hr, lr = _pairs(images, Degradation(DEGRADED_CROP, camera=name, seed=bench.seed))
        made = restore(bench.upscaler(entrant), lr, hr)
        return {key: psnr_rgb(a, b) for key, a, b in zip(keys, made, hr, strict=True)}

    found: dict[str, float] = bench.cache.json(parts, compute)
    return found


def _pairs(images: ImageSet, degradation: Degradation) -> tuple[list[str], list[RGB], list[RGB]]:
    keys, hr, lr = [], [], []
    for image in images.images:
        source = source_of(image)
        if source.problem is None:
            high, low = degradation(source.load(), source.key)
            keys.append(source.key)
            hr.append(high)
            lr.append(low)
    return keys, hr, lr
