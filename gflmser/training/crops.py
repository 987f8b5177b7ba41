"""Squares cut out of a whole batch of images and resized at once, as Pillow does it to each.

Resizing is separable: two matrices of weights for each image, multiplied with it from both sides.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

_A: Final = -0.5
"""Pillow's bicubic: the kernel of Keys."""
_REACH: Final = 2.0


def cut(
    images: Tensor, *, left: Tensor, top: Tensor, edge: Tensor, flip: Tensor, to: int
) -> Tensor:
    """Squares of `images` at `to` x `to` pixels, antialiased bicubic, mirrored where `flip` is.

    `images` is `(N, side, side, 3)` uint8; `left`, `top` and `edge` are `(N,)` in whole pixels,
    with each square inside its image; `flip` is `(N,)` bool. The result is `(N, 3, to, to)`
    float32 in whole levels of 0-255; Pillow's fixed point differs by one level in few pixels.

    Example:
        faces = cut(images, left=zeros, top=zeros, edge=full, flip=zeros.bool(), to=64)
    """
    side = images.shape[1]
    down = resizing(top, edge, side, to)
    across = resizing(left, edge, side, to)
    across = torch.where(flip.view(-1, 1, 1), across.flip(1), across)
    return _applied(images.permute(0, 3, 1, 2).to(torch.float32), down, across)


def turned(images: Tensor, *, degrees: Tensor, aspect: Tensor) -> Tensor:
    """Square images `(N, side, side, 3)` uint8 turned about their middle and stretched.

    `degrees`, clockwise, and `aspect`, above 1 for wider, are `(N,)`. Edges are mirrored. The same
    as `gflmser.degradation.turned`, but for torch's bicubic kernel.
    """
    angle, root = torch.deg2rad(degrees).float(), aspect.float().sqrt()
    cos, sin, nothing = angle.cos(), angle.sin(), torch.zeros_like(root)
    rows = (cos / root, sin * root, nothing), (-sin / root, cos * root, nothing)
    theta = torch.stack([torch.stack(row, 1) for row in rows], 1)
    planes = images.permute(0, 3, 1, 2).to(torch.float32)
    grid = functional.affine_grid(theta, list(planes.shape), align_corners=False)
    made = functional.grid_sample(
        planes, grid, mode="bicubic", padding_mode="reflection", align_corners=False
    )
    return made.round_().clamp_(0, 255).to(torch.uint8).permute(0, 2, 3, 1)


def reduced(images: Tensor, to: int) -> Tensor:
    """Square `images` `(N, 3, side, side)` in levels of 0-255 at `to` pixels, in whole levels."""
    side = images.shape[-1]
    start, edge = (torch.tensor([at], device=images.device) for at in (0, side))
    weights = resizing(start, edge, side, to)
    return _applied(images, weights, weights)


def _applied(planes: Tensor, down: Tensor, across: Tensor) -> Tensor:
    """Across, then down, each to whole levels: Pillow keeps bytes in between."""
    wide = (planes @ across.transpose(1, 2).unsqueeze(1)).round_().clamp_(0, 255)
    return (down.unsqueeze(1) @ wide).round_().clamp_(0, 255)


def resizing(start: Tensor, edge: Tensor, side: int, to: int) -> Tensor:
    """Weights `(N, to, side)` that resize pixels `start` to `start + edge` of a line to `to`.

    Each row sums to 1, and pixels outside the square have no weight.
    """
    pixels = torch.arange(side, device=start.device, dtype=torch.float32)
    targets = torch.arange(to, device=start.device, dtype=torch.float32)
    first, scale = start.view(-1, 1, 1).float(), edge.view(-1, 1, 1).float() / to
    centres = first + (targets.view(1, -1, 1) + 0.5) * scale
    distance = ((pixels.view(1, 1, -1) + 0.5 - centres) / scale.clamp_min(1)).abs_()
    inside = (pixels >= first) & (pixels < first + edge.view(-1, 1, 1))
    weights = _keys(distance) * inside
    return weights / weights.sum(2, keepdim=True)


def _keys(x: Tensor) -> Tensor:
    """The kernel at distances `x` of at least 0."""
    near = ((_A + 2) * x - (_A + 3)) * x * x + 1
    far = _A * (((x - 5) * x + 8) * x - 4)
    return torch.where(x < 1, near, torch.where(x < _REACH, far, torch.zeros_like(x)))
