"""Fréchet and kernel distance of two sets with the interval that goes with each."""

from __future__ import annotations

from typing import Final

import numpy as np

from benchmarks.bench import Bench
from pipeline.fidelity import Features, frechet_distance, kernel_distance

_RESAMPLES: Final = 100
_NAMES: Final = {"inception": ("fid", "kid"), "dlib": ("fd_dlib", "kd_dlib")}
LEAST: Final = 4
"""Pictures on each side below which there is no distance."""


def distances(bench: Bench, features: Features, reference: Features) -> dict[str, float]:
    """`fid` and `kid`, or `fd_dlib` and `kd_dlib`; empty where the pictures are too few.

    The interval of the Fréchet distance is the basic bootstrap over the pictures of `features`,
    which undoes the upward bias of a resample; that of the kernel distance is 1.96 standard
    deviations of its 100 subsets, an upper bound.
    """
    if min(len(features), len(reference)) < LEAST:
        return {}
    frechet, kernel = _NAMES[bench.extractor.kind]
    value = frechet_distance(features, reference)
    draw = np.random.default_rng(bench.seed)
    resampled = [
        frechet_distance(features[draw.integers(0, len(features), len(features))], reference)
        for _ in range(_RESAMPLES)
    ]
    low, high = np.quantile(resampled, [0.025, 0.975])
    mean, spread = kernel_distance(features, reference, seed=bench.seed)
    return {
        frechet: value,
        f"{frechet}_lo": max(0.0, 2 * value - float(high)),
        f"{frechet}_hi": 2 * value - float(low),
        kernel: mean,
        f"{kernel}_lo": mean - 1.96 * spread,
        f"{kernel}_hi": mean + 1.96 * spread,
        "distance_n": len(features),
        "distance_reference_n": len(reference),
    }
