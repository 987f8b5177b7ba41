"""Fréchet and kernel distance of two sets with the interval that goes with each."""

from __future__ import annotations

from typing import Final

import numpy as np

from benchmarks.context import Bench
from pipeline.metrics.features import NEEDS_TORCH_FIDELITY
from pipeline.metrics.intervals import centred, picks
from pipeline.metrics.set_distance import (
    Features,
    Gaussian,
    frechet_distance,
    has_kernel_distance,
    kernel_distance,
    kernel_resamples,
)

_RESAMPLES: Final = 100
VERSION: Final = 1
"""Of `distances`. Raise it when a figure moves, so that older results are not reused."""
_NAMES: Final = {"inception": ("fid", "kid"), "dlib": ("fd_dlib", "kd_dlib")}
LEAST: Final = 4
"""Images on each side below which there is no distance."""


def distances(bench: Bench, features: Features, reference: Features) -> dict[str, float]:
    """`fid` and `kid`, or `fd_dlib` and `kd_dlib`; empty where the images are too few.

    Without torch-fidelity there is no kernel distance. Intervals are 95 % bootstraps over the
    images of `features`; `reference` is fixed. Resampling repeats images and biases the distance
    upwards, so the interval is shifted to be centred on the estimate.
    """
    if min(len(features), len(reference)) < LEAST:
        return {}
    frechet, kernel = _NAMES[bench.extractor.kind]
    drawn = picks(len(features), rng=np.random.default_rng(bench.seed), draws=_RESAMPLES)
    value = frechet_distance(features, reference)
    fitted = Gaussian.of(reference)
    resampled = np.array([Gaussian.of(features[p]).frechet_distance(fitted) for p in drawn])
    ends = centred(value, resampled)
    found = {frechet: value, f"{frechet}_lo": max(0.0, ends.lo), f"{frechet}_hi": ends.hi}
    if has_kernel_distance():
        mean, _ = kernel_distance(features, reference, seed=bench.seed)
        counts = np.stack([np.bincount(p, minlength=len(features)) for p in drawn])
        ends = centred(mean, kernel_resamples(features, reference, counts))
        found |= {kernel: mean, f"{kernel}_lo": ends.lo, f"{kernel}_hi": ends.hi}
    return found | {"distance_n": len(features), "distance_reference_n": len(reference)}


def kernel_note() -> str:
    """Why there is no kernel distance; empty where there is one."""
    return "" if has_kernel_distance() else f"No kernel distance: {NEEDS_TORCH_FIDELITY}."
