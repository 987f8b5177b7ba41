"""The networks of the paper: H2L (high to low), its mirror L2H (low to high), a discriminator.

Blocks are pre-activation residual pairs of 3x3 convolutions without normalisation. A module is N
groups of S blocks at one resolution. The resolutions run 64-32-16-8-4-8-16 in H2L and backwards in
L2H. The i-th group of H2L sends its feature to the mirrored group of L2H.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from gflmser.config import NetworkConfig, SkipSource
from gflmser.gating import Fusion

SCALE = 4


class BasicBlock(nn.Module):
    """`x + conv(relu(conv(relu(x))))`, 3x3, same width and size."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first: nn.Conv2d | TransposedOf = nn.Conv2d(width, width, 3, padding=1)
        self.second: nn.Conv2d | TransposedOf = nn.Conv2d(width, width, 3, padding=1)

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
        """The group's output, and the feature before the group's own residual (the skip)."""
        entry = x if self.fusion is None else self.fusion(x, skip)
        inner = self.blocks(entry)
        return (x + inner if self.residual else inner), inner


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


def _rescale(source: int, target: int, config: NetworkConfig) -> nn.Module:
    """The layer from resolution `source` to `target`, a factor of two either way."""
    before, after = config.widths.at(source), config.widths.at(target)
    if target < source:
        return nn.Conv2d(before, after, 3, stride=2, padding=1)
    if config.upsampling == "deconv":
        return nn.ConvTranspose2d(before, after, 4, stride=2, padding=1)
    return nn.Sequential(nn.Conv2d(before, 4 * after, 3, padding=1), nn.PixelShuffle(2))


class _Hourglass(nn.Module):
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
        if config.bicubic_residual:  # the first output is then exactly bicubic
            nn.init.zeros_(self.tail.weight)
            nn.init.zeros_(cast(Tensor, self.tail.bias))


class H2LNet(nn.Module):
    """High to low: a picture and a channel of noise become a picture of a quarter of the size."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.noise = config.noise
        self.bicubic_residual = config.bicubic_residual
        levels = config.levels[::-1]
        self.body = _Hourglass(3 + int(config.noise), levels, config, [False] * len(levels))

    def features(self, hr: Tensor, noise: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        """The last module's output and the feature of every group, first to last.

        `hr` is `(N, 3, H, W)` with H and W multiples of 16; `noise` is `(N, 1, H, W)`, zero if
        it is not given.
        """
        x = hr
        if self.noise:
            channel = torch.zeros_like(hr[:, :1]) if noise is None else noise
            x = torch.cat((hr, channel), 1)
        x = self.body.head(x)
        skips: list[Tensor] = []
        for index, stage in enumerate(self.body.stages):
            x = x if index == 0 else self.body.rescales[index - 1](x)
            x, features = stage(x)
            skips += features
        return x, skips

    def forward(self, hr: Tensor, noise: Tensor | None = None) -> Tensor:
        """The degraded picture `(N, 3, H/4, W/4)` in [-1, 1] (by tanh, or about bicubic)."""
        x, _ = self.features(hr, noise)
        out = cast(Tensor, self.body.tail(x))
        return out + reduce(hr) if self.bicubic_residual else torch.tanh(out)


class L2HNet(nn.Module):
    """Low to high: a picture becomes one of four times its size, helped by skips."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.internal = config.source == "internal"
        self.bicubic_residual = config.bicubic_residual
        levels = config.levels
        # Internal skips run from the shrinking half to the growing half of L2H itself.
        self.bottom = levels.index(min(levels))
        mirrors = range(self.bottom + 1, 2 * self.bottom + 1)
        fused = [
            i in mirrors if self.internal else config.source != "none" for i in range(len(levels))
        ]
        self.body = _Hourglass(3, levels, config, fused)

    def forward(self, lr: Tensor, skips: Sequence[Tensor] | None = None) -> Tensor:
        """`(N, 3, H, W)`, H and W multiples of 4, to `(N, 3, 4H, 4W)`.

        `skips` are the features of H2L in H2L's order: the last of them meets the first group.
        """
        waiting = list(skips) if skips is not None else []
        x = self.body.head(lr)
        for index, stage in enumerate(self.body.stages):
            x = x if index == 0 else self.body.rescales[index - 1](x)
            count = len(cast(Module, stage).groups)
            taken: list[Tensor] | None = None
            if waiting and (not self.internal or index > self.bottom):
                taken = [waiting.pop() for _ in range(min(count, len(waiting)))]
            x, features = stage(x, taken)
            if self.internal and index < self.bottom:
                waiting += features
        out = cast(Tensor, self.body.tail(x))
        return out + enlarge(lr) if self.bicubic_residual else torch.tanh(out)


def enlarge(lr: Tensor) -> Tensor:
    """Four times the size, bicubic."""
    return functional.interpolate(lr, scale_factor=SCALE, mode="bicubic", align_corners=False)


def reduce(hr: Tensor, factor: int = SCALE) -> Tensor:
    """A `factor`-th of the size, bicubic with antialiasing as Pillow has it."""
    size = (hr.shape[-2] // factor, hr.shape[-1] // factor)
    return functional.interpolate(hr, size, mode="bicubic", align_corners=False, antialias=True)


class GFLmser(nn.Module):
    """H2L and L2H joined by the skips of one source."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.h2l = H2LNet(config)
        self.l2h = L2HNet(config)
        if config.tied:
            tie(self.h2l, self.l2h)

    def degrade(self, hr: Tensor, noise: Tensor | None) -> Tensor:
        """H2L: `(N, 3, H, W)` and noise `(N, 1, H, W)` to `(N, 3, H/4, W/4)`."""
        return cast(Tensor, self.h2l(hr, noise))

    def restore(self, lr: Tensor, hr: Tensor | None = None) -> Tensor:
        """L2H with the skips of the configured source; only oracle sources look at `hr`."""
        return self.restore_passes(lr, hr)[-1]

    def restore_passes(self, lr: Tensor, hr: Tensor | None = None) -> list[Tensor]:
        """The estimate after each pass; one pass for every source but `recurrent`.

        Raises ValueError when the source is an oracle and `hr` is not given.
        """
        source: SkipSource = self.config.source
        if source in ("none", "internal"):
            return [self.l2h(lr)]
        if self.config.oracle:
            if hr is None:
                raise ValueError(f"the skip source '{source}' needs the ground truth")
            seen = (
                hr
                if source == "hr"
                else functional.interpolate(
                    reduce(hr, 2), scale_factor=2, mode="bicubic", align_corners=False
                )
            )
        else:
            seen = enlarge(lr)
        estimates: list[Tensor] = []
        for _ in range(self.config.passes):
            seen = self.l2h(lr, self.h2l.features(seen)[1])
            estimates.append(seen)
        return estimates


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


def tie(h2l: H2LNet, l2h: L2HNet) -> None:
    """DCW of Lmser: each group convolution of L2H becomes the transpose of its mirror in H2L."""
    down = [block for block in h2l.modules() if isinstance(block, BasicBlock)]
    up = [block for block in l2h.modules() if isinstance(block, BasicBlock)]
    for mine, mirror in zip(up, reversed(down), strict=True):
        first, second = cast(nn.Conv2d, mirror.first), cast(nn.Conv2d, mirror.second)
        mine.first, mine.second = TransposedOf(second), TransposedOf(first)


class Discriminator(nn.Module):
    """Real or made by H2L: `(N, 3, 16, 16)` to one logit for each picture `(N,)`."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.head = nn.Conv2d(3, width, 3, padding=1)
        self.blocks = nn.Sequential(
            *(BasicBlock(width) for _ in range(4)),
            nn.MaxPool2d(3, 2, 1),
            BasicBlock(width),
            nn.MaxPool2d(3, 2, 1),
            BasicBlock(width),
        )
        self.dense = nn.Linear(width * 4 * 4, 1)

    def forward(self, lr: Tensor) -> Tensor:
        """The logit of being real."""
        return cast(Tensor, self.dense(self.blocks(self.head(lr)).flatten(1)))[:, 0]
