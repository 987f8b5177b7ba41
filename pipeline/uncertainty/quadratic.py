"""Quadratic functions of standardised features, fitted in closed form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["Quadratic"]

Floats = NDArray[np.float32]

_LIMIT: Final = 4.0
"""Deviations from the mean at which features are cut: beyond them a square would run away."""


@dataclass(frozen=True, eq=False)
class Quadratic:
    """A number for each row of F features: a constant, F slopes and F (F + 1) / 2 products."""

    mean: Floats
    deviation: Floats
    weights: Floats

    @classmethod
    def fit(cls, features: Floats, values: NDArray[np.floating], *, ridge: float) -> Self:
        """The least squares over rows `(N, F)` and `(N,)`, slopes held small by `ridge`."""
        mean, deviation = features.mean(0), features.std(0) + 1e-3
        rows = _products(_standard(features, mean, deviation)).astype(np.float64)
        held = np.eye(rows.shape[1]) * ridge
        held[0, 0] = 0
        solved = np.linalg.solve(rows.T @ rows + held, rows.T @ np.asarray(values, np.float64))
        return cls(*(np.asarray(one, np.float32) for one in (mean, deviation, solved)))

    def __call__(self, features: Floats) -> Floats:
        """`(N, F)` to `(N,)`."""
        rows = _standard(features, self.mean, self.deviation)
        count = rows.shape[1]
        products = np.zeros((count, count), np.float32)
        products[np.triu_indices(count)] = self.weights[1 + count :]
        linear = self.weights[0] + rows @ self.weights[1 : 1 + count]
        return np.asarray(linear + ((rows @ products) * rows).sum(1), np.float32)

    def tensors(self, prefix: str) -> dict[str, Floats]:
        """The three arrays by name; `of` reads them."""
        names = ("mean", "deviation", "weights")
        return {f"{prefix}.{name}": getattr(self, name) for name in names}

    @classmethod
    def of(cls, tensors: Mapping[str, Floats], prefix: str) -> Self:
        """What `tensors` wrote; raises KeyError where one is missing."""
        return cls(*(tensors[f"{prefix}.{name}"] for name in ("mean", "deviation", "weights")))


def _standard(features: Floats, mean: Floats, deviation: Floats) -> Floats:
    return np.asarray(np.clip((features - mean) / deviation, -_LIMIT, _LIMIT), np.float32)


def _products(rows: Floats) -> Floats:
    first, second = np.triu_indices(rows.shape[1])
    one = np.ones((len(rows), 1), np.float32)
    return np.concatenate([one, rows, rows[:, first] * rows[:, second]], 1)
