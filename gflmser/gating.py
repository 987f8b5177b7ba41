"""How a feature that skips from H2L to L2H is fused: not at all, added (eq. 1), or gated (eq. 2-3).

Equation 2 of the paper writes the correlation on the L2H feature. Its text puts it on the skip
("when rho is near 0, X is ignored"). This module follows the text, as the authors' code does.
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
    A map without any variation has correlation 0, never NaN. Without gradient: see `Fusion`.
    """
    with torch.no_grad(), torch.autocast(feature.device.type, enabled=False):
        return _compare(feature, skip, _dims(scope), centred).rho


def _dims(scope: GateScope) -> tuple[int, ...]:
    return (2, 3) if scope == "channel" else (1, 2, 3)


class _Comparison(NamedTuple):
    """Figures of each pair of maps, all that the gradient needs beside the maps themselves."""

    rho: Tensor
    scale: Tensor
    """1 / (|x| |y|)"""
    x_power: Tensor
    y_power: Tensor
    x_mean: Tensor
    y_mean: Tensor


def _compare(feature: Tensor, skip: Tensor, dims: tuple[int, ...], centred: bool) -> _Comparison:
    x_mean, y_mean = (_mean(maps, dims, centred) for maps in (feature, skip))
    x, y = _less(feature, x_mean), _less(skip, y_mean)
    product = _total(x * y, dims)
    # In place: new memory for maps of this size costs more than the product.
    x_power, y_power = _total(x.mul_(x), dims), _total(y.mul_(y), dims)
    # Clamped before the root: a map without variation has no direction.
    scale = (x_power * y_power).clamp_min(_EPSILON**2).rsqrt()
    return _Comparison(product * scale, scale, x_power, y_power, x_mean, y_mean)


def _total(maps: Tensor, dims: tuple[int, ...]) -> Tensor:
    """The sum over `dims`, kept, at least float32."""
    return maps.sum(dims, keepdim=True, dtype=_wide(maps))


def _mean(maps: Tensor, dims: tuple[int, ...], centred: bool) -> Tensor:
    """Of the maps; 0 where only their cosine is asked for."""
    if not centred:
        return maps.new_zeros((1, 1, 1, 1), dtype=_wide(maps))
    return maps.mean(dims, keepdim=True, dtype=_wide(maps))


def _wide(maps: Tensor) -> torch.dtype:
    return torch.promote_types(maps.dtype, torch.float32)


def _less(maps: Tensor, mean: Tensor) -> Tensor:
    """Without their means: in float32 what is float16, where a product would overflow."""
    return maps - (mean.to(maps.dtype) if maps.dtype == torch.bfloat16 else mean)


def _share(rho: Tensor, gamma: Tensor | None) -> Tensor:
    return rho if gamma is None else torch.tanh(gamma * rho)


def _weighed(feature: Tensor, skip: Tensor, share: Tensor) -> Tensor:
    return torch.addcmul(feature, share.to(skip.dtype), skip)


class _Gated(torch.autograd.Function):
    """feature + rho skip, or tanh(gamma rho) skip: the gradient in closed form.

    Autograd's own would keep every intermediate map and read each several times.
    """

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 - torch's own
        feature: Tensor,
        skip: Tensor,
        gamma: Tensor | None,
        dims: tuple[int, ...],
        centred: bool,
    ) -> Tensor:
        """Eq. 2, and what the gradient needs."""
        compared = _compare(feature, skip, dims, centred)
        share = _share(compared.rho, gamma)
        ctx.save_for_backward(feature, skip, gamma, share, *compared)
        ctx.dims = dims
        return _weighed(feature, skip, share)

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any,  # noqa: ANN401
        *gradients: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor | None, None, None]:
        """d rho / dx = y / (|x| |y|) - rho x / |x|^2 of maps without their means; alike for y."""
        feature, skip, gamma, share, *figures = ctx.saved_tensors
        compared = _Comparison(*figures)
        x, y = _less(feature, compared.x_mean), _less(skip, compared.y_mean)
        out = gradients[0].to(x.dtype)
        passed = out * skip
        to_rho, to_gamma = _total(passed, ctx.dims), None
        if gamma is not None:
            to_tanh = to_rho * (1 - share * share)
            to_rho, to_gamma = to_tanh * gamma, (to_tanh * compared.rho).sum()
        # A map without variation has no direction to be turned to.
        to_rho = torch.where(compared.x_power * compared.y_power <= _EPSILON**2, 0, to_rho)
        along = to_rho * compared.scale
        x_back = -to_rho * compared.rho / compared.x_power.clamp_min(_TINY)
        y_back = -to_rho * compared.rho / compared.y_power.clamp_min(_TINY)
        share, along, x_back, y_back = (one.to(x.dtype) for one in (share, along, x_back, y_back))
        to_feature = torch.addcmul(out, y, along).addcmul_(x, x_back)
        to_skip = torch.mul(out, share, out=passed).addcmul_(x, along).addcmul_(y, y_back)
        return to_feature.to(feature.dtype), to_skip.to(skip.dtype), to_gamma, None, None


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
        with torch.autocast(feature.device.type, enabled=False):
            kind = torch.promote_types(feature.dtype, skip.dtype)
            feature, skip, dims = feature.to(kind), skip.to(kind), _dims(self.scope)
            learning = [one for one in (feature, skip, self.gamma) if one is not None]
            if torch.is_grad_enabled() and any(one.requires_grad for one in learning):
                gated = _Gated.apply(feature, skip, self.gamma, dims, self.centred)  # type: ignore[no-untyped-call]
                return cast(Tensor, gated)
            rho = _compare(feature, skip, dims, self.centred).rho
            return _weighed(feature, skip, _share(rho, self.gamma))
