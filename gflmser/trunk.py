"""A large L2H for GPUs and as a teacher: a trunk of residual blocks and attention at LR's size.

Nothing is halved, so nothing has to skip. Ours, not the paper's.
"""

from __future__ import annotations

from typing import Final, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from gflmser.blocks import BasicBlock
from gflmser.config import NetworkConfig

WINDOW: Final = 16
"""Attention looks at squares of so many pixels: at a whole face of 16x16."""
_HEADS: Final = 4
_QUIET: Final = 0.1
"""Share of torch's first weights in the last layer of each branch: depth then does not explode."""


class Attention(nn.Module):
    """`x` plus attention among the pixels of each window, plus a multilayer perceptron of each."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.before = nn.LayerNorm(width)
        self.queries = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.between = nn.LayerNorm(width)
        self.wide, self.narrow = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.places = nn.Parameter(torch.zeros(WINDOW, WINDOW, width))
        nn.init.normal_(self.places, 0.0, 0.02)
        _quieten(self.out.weight, self.narrow.weight)

    def forward(self, x: Tensor) -> Tensor:
        """`(N, width, H, W)` to the same; sides that are no multiples of 16 are padded inside."""
        height, width = x.shape[-2:]
        padded = functional.pad(x, (0, -width % WINDOW, 0, -height % WINDOW), mode="replicate")
        tokens = self._tokens(padded)
        n, count, channels = tokens.shape
        seen = self.before(tokens + self.places.view(1, count, channels))
        q, k, v = self.queries(seen).view(n, count, 3, _HEADS, -1).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(q, k, v).transpose(1, 2)
        tokens = tokens + self.out(mixed.reshape(n, count, channels))
        tokens = tokens + self.narrow(functional.gelu(self.wide(self.between(tokens))))
        return self._image(tokens, padded)[..., :height, :width]

    @staticmethod
    def _tokens(x: Tensor) -> Tensor:
        n, channels, height, width = x.shape
        cells = x.view(n, channels, height // WINDOW, WINDOW, width // WINDOW, WINDOW)
        return cells.permute(0, 2, 4, 3, 5, 1).reshape(-1, WINDOW * WINDOW, channels)

    @staticmethod
    def _image(tokens: Tensor, like: Tensor) -> Tensor:
        n, channels, height, width = like.shape
        cells = tokens.view(n, height // WINDOW, width // WINDOW, WINDOW, WINDOW, channels)
        return cells.permute(0, 5, 1, 3, 2, 4).reshape(n, channels, height, width)


class TrunkL2H(nn.Module):
    """Low to high without skips: `(N, 3, H, W)` to `(N, 3, 4H, 4W)`, about the bicubic image."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        width = config.widths.r16
        self.head = nn.Conv2d(3, width, 3, padding=1)
        layers: list[nn.Module] = []
        for _ in range(config.trunk):
            block = BasicBlock(width)
            _quieten(cast(Tensor, block.second.weight))
            layers += [block, Attention(width)]
        self.trunk = nn.Sequential(*layers)
        half, full = config.widths.r32, config.widths.r64
        self.grow = nn.Sequential(
            *(nn.Conv2d(width, 4 * half, 3, padding=1), nn.PixelShuffle(2), BasicBlock(half)),
            *(nn.Conv2d(half, 4 * full, 3, padding=1), nn.PixelShuffle(2), BasicBlock(full)),
        )
        self.tail = nn.Conv2d(full, 3, 3, padding=1)
        nn.init.zeros_(self.tail.weight)
        nn.init.zeros_(cast(Tensor, self.tail.bias))

    def forward(self, lr: Tensor, _skips: object = None) -> Tensor:
        """Restore; nothing skips."""
        x = self.head(lr)
        residual = self.tail(self.grow(x + self.trunk(x)))
        large = functional.interpolate(lr, scale_factor=4, mode="bicubic", align_corners=False)
        return cast(Tensor, residual + large)


@torch.no_grad()
def _quieten(*weights: Tensor) -> None:
    for weight in weights:
        weight.mul_(_QUIET)
