"""The networks of the paper: H2L (high to low), its mirror L2H (low to high), a discriminator.

The resolutions of the modules run 64-32-16-8-4-8-16 in H2L and backwards in L2H. The i-th group of
H2L sends its feature to the mirrored group of L2H.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from gflmser.blocks import BasicBlock, Hourglass, Module
from gflmser.config import NetworkConfig, SkipSource
from gflmser.tied import tie
from gflmser.trunk import TrunkL2H

SCALE: Final = 4
_MODULATED: Final = 0.2
"""Deviation of the gains and shifts of a modulated H2L at the start."""


class H2LNet(nn.Module):
    """High to low: an image and Gaussian noise become an image of a quarter of the size."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.noise = config.noise
        self.bicubic_residual = config.bicubic_residual
        levels = config.levels[::-1]
        self.body = Hourglass(3 + int(config.noise), levels, config, [False] * len(levels))
        self.code = config.modulation
        if self.code:
            widths = [config.widths.at(level) for level in levels]
            self.modulation = nn.ModuleList(nn.Linear(self.code, 2 * w) for w in widths)
            for layer in self.modulation:
                nn.init.normal_(cast(Tensor, layer.weight), 0.0, _MODULATED / self.code**0.5)
                nn.init.zeros_(cast(Tensor, layer.bias))

    def features(self, hr: Tensor, noise: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        """The last module's output and the feature of every group, first to last.

        `hr` is `(N, 3, H, W)` with H and W multiples of 16; `noise` is `(N, 1, H, W)`, zero if
        it is not given. It is a channel of the input, and its first values are the code of the
        modulation.
        """
        z = torch.zeros_like(hr[:, :1]) if noise is None else noise
        x = self.body.head(torch.cat((hr, z), 1) if self.noise else hr)
        skips: list[Tensor] = []
        for index, stage in enumerate(self.body.stages):
            x = x if index == 0 else self.body.rescales[index - 1](x)
            x, features = stage(self._modulated(x, z, index))
            skips += features
        return x, skips

    def forward(self, hr: Tensor, noise: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        """The degraded image `(N, 3, H/4, W/4)` in [-1, 1] and the feature of every group.

        One pass gives both, as in the paper; the image is by tanh, or about the bicubic one.
        """
        x, skips = self.features(hr, noise)
        out = cast(Tensor, self.body.tail(x))
        return (out + reduce(hr) if self.bicubic_residual else torch.tanh(out)), skips

    def _modulated(self, x: Tensor, z: Tensor, index: int) -> Tensor:
        if not self.code:
            return x
        code = z.flatten(1)[:, : self.code]
        gain, shift = self.modulation[index](code)[..., None, None].chunk(2, 1)
        return cast(Tensor, x * (1 + gain) + shift)


class L2HNet(nn.Module):
    """Low to high: an image becomes one of four times its size, helped by skips."""

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
        self.body = Hourglass(3, levels, config, fused)

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
        self.l2h: nn.Module = TrunkL2H(config) if config.trunk else L2HNet(config)
        if config.tied:
            tie(self.h2l, self.l2h)

    def degrade(self, hr: Tensor, noise: Tensor | None) -> Tensor:
        """H2L: `(N, 3, H, W)` and noise `(N, 1, H, W)` to `(N, 3, H/4, W/4)`."""
        return cast(Tensor, self.h2l(hr, noise)[0])

    def seen_by_oracle(self, hr: Tensor) -> Tensor:
        """What H2L of an oracle looks at: the ground truth, or what 32x32 pixels keep of it."""
        if self.config.source != "hr32":
            return hr
        smaller = reduce(hr, 2)
        return functional.interpolate(smaller, scale_factor=2, mode="bicubic", align_corners=False)

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
            seen = self.seen_by_oracle(hr)
        else:
            seen = enlarge(lr)
        estimates: list[Tensor] = []
        for _ in range(self.config.passes):
            seen = self.l2h(lr, self.h2l(seen)[1])
            estimates.append(seen)
        return estimates


class Discriminator(nn.Module):
    """Real or made by H2L: `(N, 3, 16, 16)` to one logit for each image `(N,)`."""

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
