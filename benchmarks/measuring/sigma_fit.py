"""Fits a `Sigma` on restored training faces, and its scales on faces of other people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.measuring.restored_triples import Triple
from pipeline.identity.embedding import Face, load_embedder
from pipeline.identity.faces_of_people import central_face
from pipeline.uncertainty.features import image_features, pixel_features
from pipeline.uncertainty.quadratic import Quadratic
from pipeline.uncertainty.sigma import Sigma, key

__all__ = ["NEAR", "calibrated", "embedding_distances", "errors", "fitted"]

Floats = NDArray[np.float32]

NEAR: Final = 0.45
"""Distance of dlib's embeddings up to which a restored face counts as near the original."""
_PIXELS: Final = 256
"""Pixels of an image that the map is fitted on."""
_RIDGE: Final = {"image": 10.0, "pixel": 100.0}
_ROUNDING: Final = 1.0
_COVERAGE: Final = 0.95
_FEWEST: Final = 25
"""Images that a scale of its own needs; below, that of the width's other images holds."""


def fitted(triples: Sequence[Triple], judged: int) -> Sigma:
    """A sigma without scales; the first `judged` triples are embedded for the quality."""
    seen = np.stack([image_features(t.lr, t.sr, t.mirrored) for t in triples])
    power = np.array([(errors(t) ** 2).mean() for t in triples])
    image = Quadratic.fit(seen, np.log(power + _ROUNDING), ridge=_RIDGE["image"])
    level = image(seen)
    pixel = _pixel_map(triples, level)
    distances = embedding_distances(triples[:judged])
    known = np.isfinite(distances)
    rows = np.concatenate([seen, level[:, None]], 1)[:judged][known]
    quality = _logistic(rows, distances[known] < NEAR)
    away = seen - image.mean
    usual = np.linalg.inv(np.cov(away.T) + 1e-3 * np.eye(seen.shape[1])).astype(np.float32)
    squares = np.einsum("nf,fg,ng->n", away, usual, away)
    quantiles = np.quantile(squares, np.linspace(0, 1, 101)).astype(np.float32)
    return Sigma(image, pixel, quality, usual, quantiles, {})


def calibrated(sigma: Sigma, triples: Sequence[Triple], widths: Sequence[float]) -> Sigma:
    """With scales by which 95 % of the values of each key lie within two sigma."""
    found: dict[str, list[Floats]] = defaultdict(list)
    for triple, width in zip(triples, widths, strict=True):
        ratios = _ratios(sigma, triple)
        found[key(triple.lr, width)].append(ratios)
    by_width: dict[str, list[Floats]] = defaultdict(list)
    for name, lists in found.items():
        by_width[name.partition(":")[0]] += lists
    scales = {
        name: _scale(lists if len(lists) >= _FEWEST else by_width[name.partition(":")[0]])
        for name, lists in found.items()
    }
    return replace(sigma, scales=scales)


def errors(triple: Triple) -> Floats:
    """`(H, W, 3)` of the restoration less the truth, in grey levels."""
    return np.asarray(triple.sr.astype(np.float32) - triple.hr, np.float32)


def embedding_distances(triples: Sequence[Triple]) -> Floats:
    """`(N,)` of dlib's embeddings of HR and SR at the face of HR; NaN where there is none."""
    made = np.full(len(triples), np.nan, np.float32)
    embedder = load_embedder()
    for number, triple in enumerate(triples):
        face = central_face(triple.hr)
        if face is not None and face.box.area > 0:
            pair = [Face(image, face.box, face.landmarks) for image in (triple.hr, triple.sr)]
            first, second = embedder.faces(pair)
            made[number] = float(np.linalg.norm(first - second))
    return made


def _pixel_map(triples: Sequence[Triple], level: Floats) -> Quadratic:
    """The logarithm of the squared error, of pixels drawn from each image."""
    rows, values = [], []
    rng = np.random.default_rng(0)
    for triple, own in zip(triples, level, strict=True):
        features = pixel_features(triple.lr, triple.sr, triple.mirrored)
        drawn = rng.choice(features.shape[0] * features.shape[1], _PIXELS, replace=False)
        flat = features.reshape(-1, features.shape[2])[drawn]
        rows.append(np.append(flat, np.full((_PIXELS, 1), own, np.float32), 1))
        values.append((errors(triple) ** 2).mean(2).reshape(-1)[drawn])
    return Quadratic.fit(
        np.concatenate(rows), np.log(np.concatenate(values) + 4), ridge=_RIDGE["pixel"]
    )


def _ratios(sigma: Sigma, triple: Triple) -> Floats:
    level = sigma.image(image_features(triple.lr, triple.sr, triple.mirrored)[None])
    levels = sigma.unscaled(pixel_features(triple.lr, triple.sr, triple.mirrored), level)
    return np.asarray((np.abs(errors(triple)) / levels[..., None]).reshape(-1)[::4], np.float32)


def _scale(ratios: Sequence[Floats]) -> float:
    """The mean over images of equal weight, so that large faces count no more than small ones."""
    least = min(len(one) for one in ratios)
    pooled = np.concatenate([one[:: max(1, len(one) // least)] for one in ratios])
    return float(np.quantile(pooled, _COVERAGE) / 2)


def _logistic(rows: Floats, near: NDArray[np.bool_]) -> Quadratic:
    """Log odds, linear in the rows, by Newton's method; the squares have no weight."""
    plain = Quadratic.fit(rows, near.astype(np.float32), ridge=1.0)
    scaled = np.clip((rows - plain.mean) / plain.deviation, -4, 4)
    design = np.append(np.ones((len(rows), 1)), scaled, 1).astype(np.float64)
    weights = np.zeros(design.shape[1])
    for _ in range(20):
        chance = 1 / (1 + np.exp(-design @ weights))
        slope = design.T @ (near - chance) - weights
        curve = (design * (chance * (1 - chance))[:, None]).T @ design + np.eye(len(weights))
        weights += np.linalg.solve(curve, slope)
    whole = np.zeros_like(plain.weights)
    whole[: len(weights)] = weights
    return replace(plain, weights=whole)
