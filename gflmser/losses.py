"""The three losses of section 3.7, each alone; how they are weighed is the training's business."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from gflmser.config import GanLoss, PixelLoss

_CHARBONNIER = 1e-3
_PERFECT = 1e-3
"""Squared error (36 dB in [-1, 1]) below which a sample is good enough to count no more."""


def lr_pixel_loss(made: Tensor, target: Tensor) -> Tensor:
    """Equation 5: mean squared difference of H2L's image and the down-sampled HR image."""
    return functional.mse_loss(made.float(), target.float())


def hr_pixel_loss(made: Tensor, target: Tensor, kind: PixelLoss = "mse") -> Tensor:
    """Equation 6: difference of L2H's image and the HR image; `mse` is the paper's.

    `psnr` is the mean over samples of the logarithm of their squared error, what PSNR averages:
    samples that are hard to restore do not outweigh those that are easy.
    """
    difference = made.float() - target.float()
    if kind == "psnr":
        return (difference.square().mean((1, 2, 3)) + _PERFECT).log().mean()
    if kind == "mse":
        return difference.square().mean()
    return (difference.square() + _CHARBONNIER**2).sqrt().mean()


def discriminator_loss(real: Tensor, fake: Tensor, kind: GanLoss) -> Tensor:
    """Equation 4 as the discriminator sees it, on the logits of real and made images."""
    return 0.5 * (_judge(real, 1.0, kind) + _judge(fake, 0.0, kind))


def generator_loss(fake: Tensor, kind: GanLoss) -> Tensor:
    """Equation 4 as H2L sees it, in the non-saturating form: made images should pass as real."""
    return _judge(fake, 1.0, kind)


def _judge(logits: Tensor, label: float, kind: GanLoss) -> Tensor:
    logits = logits.float()
    labels = torch.full_like(logits, label)
    if kind == "vanilla":
        return functional.binary_cross_entropy_with_logits(logits, labels)
    return functional.mse_loss(logits, labels)


def gradient_penalty(discriminator: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
    """Half the mean squared gradient of the logits by real images `(N, 3, H, W)`.

    Ours, R1 of Mescheder et al. (2018): a discriminator that learns a few real images by heart
    leaves H2L no gradient to follow.
    """
    images = real.detach().float().requires_grad_()
    (slope,) = torch.autograd.grad(discriminator(images).sum(), images, create_graph=True)
    return 0.5 * slope.square().sum((1, 2, 3)).mean()


def diversity_loss(made: Tensor, other: Tensor, cap: float) -> Tensor:
    """Minus the mean absolute difference of two draws `(N, 3, H, W)`, of each at most `cap`.

    Ours, after mode-seeking GANs (Mao et al., 2019): H2L would rather ignore its noise.
    """
    apart = (made.float() - other.float()).abs().mean((1, 2, 3))
    return -apart.clamp_max(cap).mean()


_ORIENTATIONS = 8
_CELL = 4
_FLAT = 1e-2
"""Energy of what counts as flat: noise of a few grey levels must not be worth imitating."""


def oriented_gradients(images: Tensor) -> Tensor:
    """Soft histograms of oriented gradients: `(N, 3, H, W)` to `(N, 8, H/2 - 1, W/2 - 1)`.

    What a HOG detector looks at: the luma's gradients by direction, summed over cells of 4 pixels
    that overlap by half, relative to the energy around them. The gradients are Sobel's: they
    do not see a checkerboard, which plain differences take for texture where its strength varies.
    """
    weights = images.new_tensor((0.299, 0.587, 0.114)).view(1, 3, 1, 1)
    luma = (images.float() * weights).sum(1, keepdim=True)
    sobel = luma.new_tensor(((-1, 0, 1), (-2, 0, 2), (-1, 0, 1))) / 4
    across_and_down = torch.stack((sobel, sobel.T)).unsqueeze(1)
    gradients = functional.conv2d(functional.pad(luma, (1, 1, 1, 1), "reflect"), across_and_down)
    angles = torch.arange(_ORIENTATIONS, device=luma.device) * (2 * math.pi / _ORIENTATIONS)
    kernel = torch.stack((angles.cos(), angles.sin()), 1).view(_ORIENTATIONS, 2, 1, 1)
    along = functional.relu(functional.conv2d(gradients, kernel.to(luma.dtype)))
    cells = functional.avg_pool2d(along, _CELL, _CELL // 2)
    energy = functional.avg_pool2d(cells.square().sum(1, keepdim=True), 3, 1, 1)
    return cells / (energy + _FLAT).sqrt()


def detector_loss(made: Tensor, target: Tensor) -> Tensor:
    """Mean squared difference of the images' oriented gradients; ours, not the paper's.

    Squared error alone answers doubt with a blur that no detector takes for a face. Height and
    width are multiples of 4.
    """
    made = without_lattice(made.float(), target.float())
    return functional.mse_loss(oriented_gradients(made), oriented_gradients(target))


def without_lattice(made: Tensor, target: Tensor) -> Tensor:
    """`made` without the error that it repeats in every LR pixel, its mean excepted.

    A hatch in step with the LR pixels would otherwise pass for gradients in each cell.
    """
    n, c, h, w = made.shape
    cells = (n, c, h // _CELL, _CELL, w // _CELL, _CELL)
    repeated = (made - target).reshape(cells).mean((2, 4), keepdim=True)
    repeated = repeated - repeated.mean((3, 5), keepdim=True)
    return (made.reshape(cells) - repeated).reshape(made.shape)
