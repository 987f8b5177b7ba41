"""How a feature that skips from H2L to L2H is fused: not at all, added (eq. 1), or gated (eq. 2-3).

Equation 2 of the paper writes the correlation on the L2H feature, its text puts it on the skip
("when rho is near 0, X is ignored"); the text and the authors' code agree and are followed here.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from gflmser.config import GateMode, GateScope

_EPSILON: Final = 1e-8
_TINY: Final = 1e-30
"""Keeps a division by nothing from NaN where its result is not used."""


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
        if torch.is_grad_enabled() and (x.requires_grad or y.requires_grad):
            return cast(Tensor, _Correlation.apply(x, y, dims, centred))  # type: ignore[no-untyped-call]
        return _correlate(x, y, dims, centred).rho


class _Parts(NamedTuple):
    """What the gradient needs again: maps without their means, and figures of each map."""

    x: Tensor
    y: Tensor
    rho: Tensor
    scale: Tensor
    """1 / (|x| |y|)"""
    x_power: Tensor
    y_power: Tensor


def _correlate(x: Tensor, y: Tensor, dims: tuple[int, ...], centred: bool) -> _Parts:
    if centred:
        x = x - x.mean(dims, keepdim=True)
        y = y - y.mean(dims, keepdim=True)
    x_power, y_power = ((one * one).sum(dims, keepdim=True) for one in (x, y))
    # Clamped before the root: a map without variation has no direction.
    scale = (x_power * y_power).clamp_min(_EPSILON**2).rsqrt()
    return _Parts(x, y, (x * y).sum(dims, keepdim=True) * scale, scale, x_power, y_power)


class _Correlation(torch.autograd.Function):
    """The gradient in closed form: a third of the time of what autograd makes of the formula."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 - torch's own
        x: Tensor,
        y: Tensor,
        dims: tuple[int, ...],
        centred: bool,
    ) -> Tensor:
        """Eq. 3."""
        parts = _correlate(x, y, dims, centred)
        ctx.save_for_backward(*parts)
        return parts.rho

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None]:  # noqa: ANN401
        """d rho / dx = y / (|x| |y|) - rho x / |x|^2, and alike for y; both have no mean."""
        parts = _Parts(*ctx.saved_tensors)
        along = gradients[0] * parts.scale
        clamped = parts.x_power * parts.y_power <= _EPSILON**2
        back = torch.where(clamped, 0, -gradients[0] * parts.rho)
        x_back = back / parts.x_power.clamp_min(_TINY)
        y_back = back / parts.y_power.clamp_min(_TINY)
        to_x = torch.addcmul(parts.y * along, parts.x, x_back)
        to_y = torch.addcmul(parts.x * along, parts.y, y_back)
        return to_x, to_y, None, None


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
