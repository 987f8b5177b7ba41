"""From pixels to what networks take, and back."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def to_tensor(pixels: NDArray[np.uint8]) -> Tensor:
    """`(N, H, W, 3)` uint8 to `(N, 3, H, W)` float32 in [-1, 1], channels_last.

    >>> to_tensor(np.full((1, 2, 2, 3), 255, np.uint8)).max().item()
    1.0
    """
    floats = torch.from_numpy(pixels.astype(np.float32, order="C"))
    return floats.div_(127.5).sub_(1).permute(0, 3, 1, 2)


def to_pixels(images: Tensor) -> NDArray[np.uint8]:
    """`(N, 3, H, W)` in [-1, 1] to rounded, clipped `(N, H, W, 3)` uint8."""
    scaled = images.detach().float().add(1).mul(127.5).round().clamp(0, 255)
    array: NDArray[np.uint8] = scaled.to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()
    return array
