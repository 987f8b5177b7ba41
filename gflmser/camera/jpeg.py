"""Baseline JPEG as libjpeg does it, without the entropy coding, which loses nothing.

RGB becomes YCbCr, with colour at half size (4:2:0) where asked for. The cosine transform of 8x8
blocks is rounded by the quality's tables (annex K of ITU-T T.81, scaled as libjpeg does), and back.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from gflmser.camera.draws import applied

_LUMA: Final = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMA: Final = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *((99,) * 8,) * 4,
)
_TO_YCC: Final = (
    (0.299, 0.587, 0.114),
    (-0.168735892, -0.331264108, 0.5),
    (0.5, -0.418687589, -0.081312411),
)
_TO_RGB: Final = ((1.0, 0.0, 1.402), (1.0, -0.344136286, -0.714136286), (1.0, 1.772, 0.0))


def compressed(images: Tensor, quality: Tensor, subsampled: Tensor) -> Tensor:
    """Images `(N, 3, H, W)` in [0, 1] as they come back from a JPEG, in levels of 1/255.

    H and W are multiples of 16; the blocks start at the upper left corner. `quality` is `(N,)`,
    1 to 100, and `subsampled`, `(N,)` bool, says where colour is stored at half size.
    """
    levels = (images.clamp(0, 1) * 255).round()
    ycc = torch.einsum("ij,njhw->nihw", images.new_tensor(_TO_YCC), levels).round()
    ycc[:, 0] -= 128
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality)
    luma = _coded(ycc[:, :1], _table(_LUMA, scale))
    coarse = _table(_CHROMA, scale)
    chroma = applied(_coded, ~subsampled, ycc[:, 1:], coarse)
    chroma = applied(_coded_at_half, subsampled, chroma, coarse)
    whole = torch.cat((luma + 128, chroma), 1)
    rgb = torch.einsum("ij,njhw->nihw", images.new_tensor(_TO_RGB), whole)
    return rgb.round().clamp(0, 255) / 255


def _table(base: tuple[tuple[int, ...], ...], scale: Tensor) -> Tensor:
    """`(N, 1, 64)` quantisation tables."""
    table = torch.tensor(base, dtype=scale.dtype, device=scale.device).flatten()
    return ((table * scale.view(-1, 1, 1) + 50) / 100).floor().clamp(1, 255)


def _coded(planes: Tensor, table: Tensor) -> Tensor:
    """Planes `(N, C, H, W)` through the transform, the rounding and back; level-shifted."""
    n, c, h, w = planes.shape
    basis = _basis(planes)
    blocks = planes.view(n, c, h // 8, 8, w // 8, 8).transpose(3, 4).reshape(n, -1, 64)
    frequencies = blocks @ basis.T
    kept = frequencies.div_(table).round_().mul_(table)
    back = (kept @ basis).round_().view(n, c, h // 8, w // 8, 8, 8)
    return back.transpose(3, 4).reshape(n, c, h, w)


def _coded_at_half(planes: Tensor, table: Tensor) -> Tensor:
    """As `_coded`, at half the size; libjpeg's "fancy" upsampling is bilinear."""
    small = _coded(functional.avg_pool2d(planes, 2).round(), table)
    return functional.interpolate(small, scale_factor=2, mode="bilinear")


def _basis(like: Tensor) -> Tensor:
    """The orthonormal DCT-II of an 8x8 block as one `(64, 64)` matrix."""
    k = torch.arange(8, device=like.device, dtype=like.dtype)
    matrix = torch.cos(math.pi / 8 * (k + 0.5) * k.view(-1, 1)) / 2
    matrix[0] /= math.sqrt(2)
    return torch.kron(matrix, matrix)
