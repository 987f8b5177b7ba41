"""Fréchet and kernel distance of two sets with the interval that goes with each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.context import Bench
from pipeline.metrics.features import NEEDS_TORCH_FIDELITY
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
"""Pictures on each side below which there is no distance."""


def distances(bench: Bench, features: Features, reference: Features) -> dict[str, float]:
    """`fid` and `kid`, or `fd_dlib` and `kd_dlib`; empty where the pictures are too few.

    Without torch-fidelity there is no kernel distance. Intervals are 95 % bootstraps over the
    images of `features`; `reference` is fixed. Resampling repeats images and biases the distance
    upwards, so the interval is shifted to be centred on the estimate.
    """
    if min(len(features), len(reference)) < LEAST:
        return {}
    frechet, kernel = _NAMES[bench.extractor.kind]
    picks = np.random.default_rng(bench.seed).integers(
        0, len(features), (_RESAMPLES, len(features)), dtype=np.int32
    )
    value = frechet_distance(features, reference)
    fitted = Gaussian.of(reference)
    resampled = [Gaussian.of(features[p]).frechet_distance(fitted) for p in picks]
    low, high = moved(value, resampled)
    found = {frechet: value, f"{frechet}_lo": max(0.0, low), f"{frechet}_hi": high}
    if has_kernel_distance():
        mean, _ = kernel_distance(features, reference, seed=bench.seed)
        counts = np.stack([np.bincount(p, minlength=len(features)) for p in picks])
        low, high = moved(mean, kernel_resamples(features, reference, counts))
        found |= {kernel: mean, f"{kernel}_lo": low, f"{kernel}_hi": high}
    return found | {"distance_n": len(features), "distance_reference_n": len(reference)}


def kernel_note() -> str:
    """Why there is no kernel distance; empty where there is one."""
    return "" if has_kernel_distance() else f"No kernel distance: {NEEDS_TORCH_FIDELITY}."


def moved(value: float, resampled: Sequence[float] | NDArray[np.float64]) -> tuple[float, float]:
    """The 95 % interval of `resampled`, moved by what their mean lies off `value`; it holds it.

    Those that are NaN are left out.
    """
    low, high = np.nanquantile(resampled, [0.025, 0.975]) - np.nanmean(resampled)
    return value + min(0.0, float(low)), value + max(0.0, float(high))
