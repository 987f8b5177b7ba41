"""Sampling on another grid as a product with two matrices, one pair for each sample.

A row of a matrix holds the weights of one new pixel. So every sample of a batch may have its own
scale, its own shift and its own kernel, and the shapes stay fixed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import torch
from torch import Tensor

from gflmser.camera.draws import applied

Kernel = Callable[[Tensor, Tensor], Tensor]
"""Weights from distances to the new pixel's centre and from source pixels for one new pixel."""


def _area(distance: Tensor, step: Tensor) -> Tensor:
    """The share of a source pixel that lies under the new one; at least a pixel wide."""
    half = step.clamp_min(1) / 2
    return ((distance + 0.5).minimum(half) - (distance - 0.5).maximum(-half)).clamp_min(0)


def _bilinear(distance: Tensor, step: Tensor) -> Tensor:
    return (1 - (distance / step.clamp_min(1)).abs()).clamp_min(0)


def _bicubic(distance: Tensor, step: Tensor) -> Tensor:
    """Keys' kernel with a = -0.5, as Pillow has it."""
    x = (distance / step.clamp_min(1)).abs()
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return torch.where(x < 1, near, torch.where(x < 2, far, 0.0))


def _lanczos(distance: Tensor, step: Tensor) -> Tensor:
    x = distance / step.clamp_min(1)
    return torch.where(x.abs() < 3, torch.sinc(x) * torch.sinc(x / 3), 0.0)


def _nearest(distance: Tensor, step: Tensor) -> Tensor:
    """The one source pixel under the new one's centre, however far apart the new ones are."""
    del step
    return ((distance > -0.5) & (distance <= 0.5)).float()


KERNELS: Final[tuple[Kernel, ...]] = (_area, _bilinear, _bicubic, _lanczos, _nearest)
"""In the order of `Camera.kernels`."""
BICUBIC: Final = 2


def resampling(source: int, target: int, *, step: Tensor, start: Tensor, kernels: Tensor) -> Tensor:
    """Matrices `(N, target, source)`: new pixel r lies at `start + step * (r + 0.5)`.

    Positions count source pixels from the left edge of the first; `step`, `start` and `kernels`
    (indices of `KERNELS`) are `(N,)`. Beyond its ends the source is mirrored, half its length at
    most; farther out its mirrored end is repeated.
    """
    new = torch.arange(target, device=step.device) + 0.5
    centres = start.view(-1, 1, 1) + step.view(-1, 1, 1) * new.view(1, -1, 1)
    centres = centres.clamp(-source / 2, 1.5 * source)
    old = torch.arange(-source, 2 * source, device=step.device) + 0.5
    distance = old - centres
    weights = torch.zeros_like(distance)
    for index, kernel in enumerate(KERNELS):
        weights = applied(partial(_weights, kernel), kernels == index, weights, distance, step)
    before, inside, after = torch.chunk(weights, 3, dim=2)
    folded = inside + before.flip(2) + after.flip(2)
    return folded.div_(folded.sum(2, keepdim=True).clamp_min(1e-6))


def _weights(kernel: Kernel, _before: Tensor, distance: Tensor, step: Tensor) -> Tensor:
    return kernel(distance, step.view(-1, 1, 1))


def resampled(images: Tensor, down: Tensor, across: Tensor) -> Tensor:
    """`(N, C, H, W)` to `(N, C, h, w)` by matrices `(N, h, H)` and `(N, w, W)`."""
    return down.unsqueeze(1) @ images @ across.unsqueeze(1).transpose(2, 3)
