"""Blur by its transfer function: Gaussian of two axes, a straight path, a disc, each exact.

In the frequency domain a blur of any size costs the same, every sample may have its own, and no
kernel is cut off.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from gflmser.camera.draws import applied

_PAD: Final = 16
"""Pixels mirrored around an image: 2.7 sigmas of the widest blur of the chain."""


def blurred(
    images: Tensor,
    along: Tensor,
    across: Tensor,
    *,
    angle: Tensor,
    length: Tensor,
    radius: Tensor,
) -> Tensor:
    """Images `(N, C, H, W)` blurred; every parameter is `(N,)`, in pixels, and 0 does nothing.

    `along` and `across` are the sigmas of a Gaussian on axes turned by `angle` (radians, from the
    x axis towards y). `length` is that of a straight path along the first axis. `radius` is that of
    the disc of a lens out of focus. The border is mirrored.
    """
    pad = min(_PAD, images.shape[-2] - 1, images.shape[-1] - 1)
    padded = functional.pad(images, (pad,) * 4, "reflect")
    height, width = padded.shape[-2:]
    spectrum = torch.fft.rfft2(padded)
    fy = torch.fft.fftfreq(height, device=images.device).view(1, -1, 1)
    fx = torch.fft.rfftfreq(width, device=images.device).view(1, 1, -1)
    cos, sin = angle.cos().view(-1, 1, 1), angle.sin().view(-1, 1, 1)
    u, v = fx * cos + fy * sin, fy * cos - fx * sin
    gaussian = (u * along.view(-1, 1, 1)) ** 2 + (v * across.view(-1, 1, 1)) ** 2
    transfer = torch.exp(-2 * math.pi**2 * gaussian) * torch.sinc(u * length.view(-1, 1, 1))
    transfer = applied(
        _through_a_disc, radius > 0, transfer, radius, torch.hypot(fx, fy).expand_as(transfer)
    )
    back: Tensor = torch.fft.irfft2(spectrum * transfer.unsqueeze(1), s=(height, width))
    return back[..., pad : height - pad, pad : width - pad]


def _through_a_disc(transfer: Tensor, radius: Tensor, frequency: Tensor) -> Tensor:
    x = (2 * math.pi * radius.view(-1, 1, 1) * frequency).clamp_min(1e-6)
    lobes: Tensor = torch.special.bessel_j1(x)
    return transfer * (2 * lobes / x)
