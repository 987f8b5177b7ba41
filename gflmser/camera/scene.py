"""Light and colour of the scene: what falls on the face before any camera sees it."""

from __future__ import annotations

from torch import Tensor

from gflmser.camera.draws import spread


def relit(images: Tensor, gain: Tensor, gamma: Tensor, balance: Tensor) -> Tensor:
    """`gain * balance * images ** gamma`, clipped: `(N, 3, H, W)` in [0, 1].

    `gain` and `gamma` are `(N,)`, `balance` is `(N, 3)`.
    """
    scale = spread(gain) * balance.view(-1, 3, 1, 1)
    return (scale * images ** spread(gamma)).clamp(0, 1)


def luma(images: Tensor) -> Tensor:
    """`(N, 3, H, W)` to the luma of ITU-R BT.601, `(N, 1, H, W)`."""
    weights = images.new_tensor((0.299, 0.587, 0.114)).view(1, 3, 1, 1)
    return (images * weights).sum(1, keepdim=True)


def without_colour(images: Tensor) -> Tensor:
    """The luma in all three channels."""
    return luma(images).expand_as(images)
