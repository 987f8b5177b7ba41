"""How far a set of images lies from another: Fréchet and kernel distances of their features.

The name of a figure says what the features are. `fid` and `kid` are reserved for the Inception
network. Without its weights the features are dlib's 128 numbers of a face, and the figures are
called `fd_dlib` and `kd_dlib`. Figures of different names are not to be compared, nor are Fréchet
distances of different numbers of images. The distance of two samples of one population falls with
their size, to about 10 for `fid` at 3,000 images. Below 10,000 the
kernel distance, which has no such bias, is the one to read.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.errors import ModelError
from data.images.rgb import RGB
from pipeline.metrics.features import NEEDS_TORCH_FIDELITY, Extractor, FeatureKind

Features = NDArray[np.float64]

KID_SUBSETS: Final = 100
KID_SUBSET_MAX: Final = 1000
_ROWS: Final = 1024
"""Rows of a kernel matrix held in memory at once."""
_NAMES: Final[dict[FeatureKind, tuple[str, str]]] = {
    "inception": ("fid", "kid"),
    "dlib": ("fd_dlib", "kd_dlib"),
}


@dataclass(frozen=True, slots=True)
class Fidelity:
    """Distances of a set of images from a reference set; 0 is best."""

    kind: FeatureKind
    frechet: float
    kernel: float | None
    """None without torch-fidelity, which measures it."""
    kernel_std: float | None
    """Standard deviation of the kernel distance over its subsets, not of its mean."""
    n: int
    n_reference: int
    backend: str
    """Library, version and weights: a figure is comparable where this is equal."""

    def as_row(self) -> dict[str, float | int | str | None]:
        """Columns for a table: `fid`, `kid`, `kid_std` or `fd_dlib`, `kd_dlib`, `kd_dlib_std`."""
        frechet, kernel = _NAMES[self.kind]
        return {
            frechet: self.frechet,
            kernel: self.kernel,
            f"{kernel}_std": self.kernel_std,
            f"{frechet}_n": self.n,
            f"{frechet}_n_reference": self.n_reference,
            f"{frechet}_backend": self.backend,
        }


def fidelity(
    images: Iterable[RGB],
    reference: Features | Sequence[RGB],
    extractor: Extractor,
    *,
    seed: int = 0,
) -> Fidelity:
    """Distances of `images` from `reference`: images, or `extractor`'s features of them."""
    features = extractor(images)
    other = reference if isinstance(reference, np.ndarray) else extractor(reference)
    kernel, std = (
        kernel_distance(features, other, seed=seed) if has_kernel_distance() else (None, None)
    )
    return Fidelity(
        extractor.kind,
        frechet_distance(features, other),
        kernel,
        std,
        len(features),
        len(other),
        extractor.backend,
    )


def frechet_distance(a: Features, b: Features) -> float:
    """Fréchet distance of the Gaussians fitted to `(N, d)` and `(M, d)` features; >= 0.

    |m1 - m2|^2 + Tr(S1 + S2 - 2 (S1 S2)^(1/2)) with unbiased covariances, in float64. The trace of
    the root is the sum of the singular values of R1 R2', where Ri' Ri = Si. No matrix root is
    taken: that is unstable for singular covariances. N below d is therefore sound too. Raises
    `ValueError` below two images, for different d, and for features that are not finite.
    """
    a, b = _checked(a, b)
    return Gaussian.of(a).frechet_distance(Gaussian.of(b))


@dataclass(frozen=True, slots=True)
class Gaussian:
    """What `frechet_distance` needs of a set; fitted once where many are set against it."""

    mean: Features
    root: Features
    """R of min(N, d) rows with R' R = the covariance."""

    @classmethod
    def of(cls, features: Features) -> Gaussian:
        """Fitted to finite `(N, d)` features of at least two images."""
        mean = features.mean(axis=0)
        centred = (features - mean) / np.sqrt(len(features) - 1)
        return cls(mean, np.asarray(np.linalg.qr(centred, mode="r"), np.float64))

    def frechet_distance(self, other: Gaussian) -> float:
        """See the function of that name."""
        difference = self.mean - other.mean
        traces = float(np.sum(np.square(self.root)) + np.sum(np.square(other.root)))
        root = float(np.linalg.svd(self.root @ other.root.T, compute_uv=False).sum())
        return max(0.0, float(difference @ difference) + traces - 2.0 * root)


def has_kernel_distance() -> bool:
    """Whether torch-fidelity, the extra `metrics`, is there for `kernel_distance`."""
    try:
        _torch_fidelity_kid()
    except ModelError:
        return False
    return True


def kernel_distance(a: Features, b: Features, *, seed: int = 0) -> tuple[float, float]:
    """Mean and standard deviation of KID (unbiased, cubic kernel), by torch-fidelity.

    Over 100 subsets of 1000 images, or of half of the smaller set, so that the subsets differ.
    Can be slightly negative for equal populations. Raises `ValueError` as `frechet_distance` and
    below four images, `ModelError` without torch-fidelity.
    """
    a, b = _checked(a, b)
    smaller = min(len(a), len(b))
    if smaller < 4:
        raise ValueError("a kernel distance needs at least four images on each side")
    import torch

    kid = _torch_fidelity_kid()
    found = kid.kid_features_to_metric(
        torch.from_numpy(a),
        torch.from_numpy(b),
        kid_subsets=KID_SUBSETS,
        kid_subset_size=min(KID_SUBSET_MAX, smaller // 2),
        rng_seed=seed,
        verbose=False,
    )
    return float(found[kid.KEY_METRIC_KID_MEAN]), float(found[kid.KEY_METRIC_KID_STD])


def kernel_resamples(a: Features, b: Features, counts: NDArray[np.int64]) -> Features:
    """The kernel distance of resamples of `a` from `b`, but for a constant: `(R,)`.

    `counts` `(R, N)` says how often each resample holds each image of `a`. Pairs of an image
    with itself are left out, also where it was drawn twice, so that repeats do not look alike. The
    term of `b` alone, equal in all, is left out too: only differences of the result mean anything.
    NaN for a resample that holds one image alone.
    """
    a, b = _checked(a, b)
    weights = counts.astype(np.float64)
    within, across = np.zeros(len(weights)), np.zeros(len(weights))
    for start in range(0, len(a), _ROWS):
        rows = slice(start, start + _ROWS)
        part = weights[:, rows]
        own = _cubic(a[rows], a)
        own[np.arange(len(own)), np.arange(start, start + len(own))] = 0.0
        within += np.einsum("rn,rn->r", part @ own, weights)
        across += part @ _cubic(a[rows], b).mean(axis=1)
    total = weights.sum(axis=1)
    pairs = total**2 - np.square(weights).sum(axis=1)
    pairs[pairs == 0] = np.nan
    return np.asarray(within / pairs - 2 * across / total, np.float64)


def _cubic(a: Features, b: Features) -> Features:
    """KID's kernel of every pair."""
    return np.asarray((a @ b.T / a.shape[1] + 1.0) ** 3, np.float64)


def _torch_fidelity_kid() -> ModuleType:
    """torch-fidelity's module of KID; raises ModelError where it is not installed."""
    from pipeline.upscalers.inference.torchvision_shim import import_torchvision

    try:
        import_torchvision()
        return importlib.import_module("torch_fidelity.metric_kid")
    except ImportError as error:
        raise ModelError(NEEDS_TORCH_FIDELITY) from error


def _checked(a: Features, b: Features) -> tuple[Features, Features]:
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise ValueError(f"features must be (N, d) and (M, d), not {a.shape} and {b.shape}")
    if min(len(a), len(b)) < 2:
        raise ValueError("a distance needs at least two images on each side")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("features must be finite")
    return a, b
