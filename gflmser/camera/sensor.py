"""What sensor and firmware do: noise that grows with light, smoothing, sharpening, rounding."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from gflmser.camera.draws import spread, where

_SMOOTH: Final = ((1, 2, 1), (2, 4, 2), (1, 2, 1))
_BILATERAL: Final = 0.08
"""Difference of light that a camera's bilateral filter takes for an edge."""


def noisy(
    images: Tensor,
    field: Tensor,
    shot: Tensor,
    read: Tensor,
    grey: Tensor,
    correlated: Tensor,
) -> Tensor:
    """Images in [0, 1] with noise of variance `shot * image + read ** 2`, not clipped.

    `field` is standard normal of the images' shape `(N, 3, H, W)`; `shot` and `read` are `(N,)`.
    Where `grey`, `(N,)` bool, all channels get the first one's noise; where `correlated`, the
    noise is smoothed by 3x3 and has the same variance still.
    """
    field = where(grey, field[:, :1].expand_as(field), field)
    smooth = smoothed(field) * (16 / 6)  # the root of the kernel's sum of squares is 6/16
    field = where(correlated, smooth, field)
    variance = spread(shot) * images.clamp_min(0) + spread(read) ** 2
    return images + field * variance.sqrt()


def smoothed(images: Tensor) -> Tensor:
    """By the 3x3 binomial kernel, borders repeated."""
    kernel = images.new_tensor(_SMOOTH).div(16).expand(images.shape[1], 1, 3, 3)
    padded = functional.pad(images, (1, 1, 1, 1), "replicate")
    return functional.conv2d(padded, kernel, groups=images.shape[1])


def _neighbours(images: Tensor) -> list[Tensor]:
    """The nine of each pixel's 3x3 neighbourhood, each `(N, C, H, W)`, borders repeated."""
    padded = functional.pad(images, (1, 1, 1, 1), "replicate")
    h, w = images.shape[-2:]
    return [padded[..., y : y + h, x : x + w] for y in range(3) for x in range(3)]


def median(images: Tensor) -> Tensor:
    """Median of 3x3 in each channel.

    Of the sorted columns: the median of the largest low, the median middle and the smallest high.
    """
    nine = _neighbours(images)
    columns = [_sorted(nine[x], nine[x + 3], nine[x + 6]) for x in range(3)]
    low, middle, high = zip(*columns, strict=True)
    largest_low = low[0].maximum(low[1]).maximum(low[2])
    smallest_high = high[0].minimum(high[1]).minimum(high[2])
    return _sorted(largest_low, _sorted(*middle)[1], smallest_high)[1]


def _sorted(a: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    low, high = a.minimum(b), a.maximum(b)
    return low.minimum(c), low.maximum(high.minimum(c)), high.maximum(c)


def bilateral(images: Tensor) -> Tensor:
    """Mean of 3x3, neighbours of another light counting less: noise goes, edges stay."""
    weight, total = torch.zeros_like(images), torch.zeros_like(images)
    for neighbour in _neighbours(images):
        share = torch.exp(-((neighbour - images) ** 2) / (2 * _BILATERAL**2))
        weight += share
        total += share * neighbour
    return total / weight


def sharpened(images: Tensor, amount: Tensor) -> Tensor:
    """Unsharp masking with the 3x3 binomial kernel; `amount` is `(N,)`, 0 does nothing."""
    return images + spread(amount) * (images - smoothed(images))


def rounded(images: Tensor) -> Tensor:
    """Clipped to [0, 1] and rounded to levels of 1/255, as a file holds them."""
    return (images.clamp(0, 1) * 255).round() / 255
