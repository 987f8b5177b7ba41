"""How a feature that skips from H2L to L2H is fused: not at all, added (eq. 1), or gated (eq. 2-3).

Equation 2 of the paper writes the correlation on the L2H feature, its text puts it on the skip
("when rho is near 0, X is ignored"); the text and the authors' code agree and are followed here.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gflmser.config import GateMode, GateScope

_EPSILON = 1e-8


def correlation(feature: Tensor, skip: Tensor, *, scope: GateScope, centred: bool) -> Tensor:
    """The correlation of two `(N, C, H, W)` features, in [-1, 1], at least float32 (eq. 3).

    `channel` compares the maps of each channel and returns `(N, C, 1, 1)`; `sample` compares
    whole patterns and returns `(N, 1, 1, 1)`. Centred, it is Pearson's; otherwise the cosine.
    A map without any variation has correlation 0, never NaN.
    """
    dims = (2, 3) if scope == "channel" else (1, 2, 3)
    with torch.autocast(feature.device.type, enabled=False):
        wide = torch.promote_types(feature.dtype, torch.float32)
        x, y = feature.to(wide), skip.to(wide)
        if centred:
            x = x - x.mean(dims, keepdim=True)
            y = y - y.mean(dims, keepdim=True)
        product = (x * y).sum(dims, keepdim=True)
        power = (x * x).sum(dims, keepdim=True) * (y * y).sum(dims, keepdim=True)
        # Clamped before the root: the gradient of sqrt at 0 is infinite.
        return product / power.clamp_min(_EPSILON**2).sqrt()


class Fusion(nn.Module):
    """What is added to an L2H feature for the skip it receives: 0, X, rho X or tanh(gamma rho) X.

    The sign of rho is kept, so that a skip which is the negative of the feature is added with its
    sign corrected. `gamma` is learnt, one scalar for each fusion, and starts at 1.
    """

    def __init__(self, mode: GateMode, scope: GateScope, *, centred: bool, tanh: bool) -> None:
        super().__init__()
        self.mode = mode
        self.scope = scope
        self.centred = centred
        self.gamma = nn.Parameter(torch.ones(())) if tanh and mode == "correlation" else None

    def forward(self, feature: Tensor, skip: Tensor | None) -> Tensor:
        """`feature` plus its share of `skip`; the same tensor when nothing is to be added."""
        if skip is None or self.mode == "none":
            return feature
        if self.mode == "add":
            return feature + skip
        rho = correlation(feature, skip, scope=self.scope, centred=self.centred)
        if self.gamma is not None:
            rho = torch.tanh(self.gamma * rho)
        return torch.addcmul(feature, rho.to(skip.dtype), skip)
