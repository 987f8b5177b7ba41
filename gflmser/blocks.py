"""What both networks are built of: blocks, groups, modules, and an hourglass of modules.

Blocks are pre-activation residual pairs of 3x3 convolutions without normalisation. A module is N
groups of S blocks at one resolution.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from gflmser.config import NetworkConfig
from gflmser.gating import Fusion

AUTHORS_DEVIATION: Final = 0.01
"""Standard deviation of the weights at the start, in the authors' v1 code."""


class BasicBlock(nn.Module):
    """`x + conv(relu(conv(relu(x))))`, 3x3, same width and size."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first: nn.Module = nn.Conv2d(width, width, 3, padding=1)
        self.second: nn.Module = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """`(N, width, H, W)` to the same shape."""
        inner = self.second(functional.relu(self.first(functional.relu(x)), inplace=True))
        return cast(Tensor, x + inner)


class BasicGroup(nn.Module):
    """S blocks, with a place where a skip comes in and the feature that a skip carries out."""

    def __init__(self, width: int, config: NetworkConfig, *, fused: bool) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(BasicBlock(width) for _ in range(config.blocks)))
        self.residual = config.group_residual
        self.sends_input = config.skip_feature == "input"
        self.fusion = (
            Fusion(
                config.gate,
                config.gate_scope,
                centred=config.gate_centred,
                tanh=config.gate_tanh,
            )
            if fused
            else None
        )

    def forward(self, x: Tensor, skip: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The group's output, and the feature X that a skip carries to the mirrored group.

        X is the group's input (eq. 1), or its output before its own residual (the authors' code).
        """
        entry = x if self.fusion is None else self.fusion(x, skip)
        inner = self.blocks(entry)
        return (x + inner if self.residual else inner), (x if self.sends_input else inner)


class Module(nn.Module):
    """N groups at one resolution."""

    def __init__(self, width: int, config: NetworkConfig, *, fused: bool) -> None:
        super().__init__()
        self.groups = nn.ModuleList(
            BasicGroup(width, config, fused=fused) for _ in range(config.groups)
        )

    def forward(
        self, x: Tensor, skips: Sequence[Tensor | None] | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """The output and one feature for each group, in the order they were computed."""
        features: list[Tensor] = []
        for index, group in enumerate(self.groups):
            x, feature = group(x, None if skips is None else skips[index])
            features.append(feature)
        return x, features


class Hourglass(nn.Module):
    """First convolution, modules joined by rescaling layers, last convolution."""

    def __init__(
        self, channels: int, levels: Sequence[int], config: NetworkConfig, fused: Sequence[bool]
    ) -> None:
        super().__init__()
        widths = config.widths
        self.head = nn.Conv2d(channels, widths.at(levels[0]), 3, padding=1)
        self.stages = nn.ModuleList(
            Module(widths.at(level), config, fused=takes)
            for level, takes in zip(levels, fused, strict=True)
        )
        self.rescales = nn.ModuleList(_rescale(a, b, config) for a, b in pairwise(levels))
        self.tail = nn.Conv2d(widths.at(levels[-1]), 3, 3, padding=1)
        if config.initialisation == "authors":
            _draw_as_the_authors(self.stages, self.rescales)
        if config.bicubic_residual:  # the first output is then exactly bicubic
            nn.init.zeros_(self.tail.weight)
            nn.init.zeros_(cast(Tensor, self.tail.bias))


def _rescale(source: int, target: int, config: NetworkConfig) -> nn.Module:
    """The layer from resolution `source` to `target`, a factor of two either way."""
    before, after = config.widths.at(source), config.widths.at(target)
    if target < source:
        return nn.Conv2d(before, after, 3, stride=2, padding=1)
    if config.upsampling == "deconv":
        return nn.ConvTranspose2d(before, after, 4, stride=2, padding=1)
    return nn.Sequential(nn.Conv2d(before, 4 * after, 3, padding=1), nn.PixelShuffle(2))


@torch.no_grad()
def _draw_as_the_authors(*parts: nn.Module) -> None:
    """Weights of block and rescaling convolutions from N(0, 0.01); biases stay torch's."""
    for part in parts:
        for module in part.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                module.weight.normal_(0.0, AUTHORS_DEVIATION)
