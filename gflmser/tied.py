"""DCW of Lmser: the convolutions of L2H are the transposes of their mirrors in H2L."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from gflmser.blocks import BasicBlock


class TransposedOf(nn.Module):
    """The transpose of a convolution, with a bias of its own: the weight stays the mirror's."""

    def __init__(self, mirror: nn.Conv2d) -> None:
        super().__init__()
        # In a tuple, so that the mirror is not registered (and saved) a second time.
        self._mirror = (mirror,)
        self.bias = nn.Parameter(torch.zeros(mirror.in_channels))

    @property
    def weight(self) -> Tensor:
        """The mirror's own parameter."""
        return self._mirror[0].weight

    def forward(self, x: Tensor) -> Tensor:
        """`(N, out, H, W)` of the mirror to its `(N, in, H, W)`."""
        return functional.conv_transpose2d(x, self.weight, self.bias, padding=1)


def tie(h2l: nn.Module, l2h: nn.Module) -> None:
    """DCW of Lmser: each group convolution of L2H becomes the transpose of its mirror in H2L."""
    down = [block for block in h2l.modules() if isinstance(block, BasicBlock)]
    up = [block for block in l2h.modules() if isinstance(block, BasicBlock)]
    for mine, mirror in zip(up, reversed(down), strict=True):
        first, second = cast(nn.Conv2d, mirror.first), cast(nn.Conv2d, mirror.second)
        mine.first, mine.second = TransposedOf(second), TransposedOf(first)
