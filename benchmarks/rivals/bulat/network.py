"""Bulat et al. (ECCV 2018): learn how images degrade (H2L), then undo that degradation (L2H)."""

from __future__ import annotations

from dataclasses import dataclass
from math import log2, sqrt
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm


@dataclass(frozen=True, slots=True)
class BulatNetwork:
    """Sizes of both generators and of both judges."""

    h2l_width: int = 64
    noise: bool = True
    """H2L gets a fourth channel, made of 64 Gaussian numbers by a dense layer."""
    l2h_widths: tuple[int, int, int] = (256, 128, 96)
    """At 16x16, at 32x32 and in the head at 64x64."""
    l2h_blocks: tuple[int, int] = (12, 3)
    judge_width: int = 128


class PlainBlock(nn.Module):
    """`x + BN(conv(relu(BN(conv(x)))))`, 3x3, of H2L."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        """`(N, width, H, W)` to the same shape."""
        return cast(Tensor, x + self.layers(x))


class BulatH2L(nn.Module):
    """`(N, 3, 64, 64)` and 64 Gaussian numbers to `(N, 3, 16, 16)`, [-1, 1]."""

    def __init__(self, config: BulatNetwork) -> None:
        super().__init__()
        width = config.h2l_width
        self.code = nn.Linear(64, 64 * 64) if config.noise else None
        self.head = nn.Conv2d(3 + int(config.noise), width, 3, padding=1)
        layers: list[nn.Module] = []
        for _ in range(4):
            layers += [PlainBlock(width), PlainBlock(width), nn.BatchNorm2d(width), nn.ReLU()]
            layers.append(nn.Conv2d(width, width, 3, stride=2, padding=1))
        for _ in range(2):
            layers += [PlainBlock(width), PlainBlock(width)]
            layers += [nn.Conv2d(width, 4 * width, 3, padding=1), nn.PixelShuffle(2), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        self.tail = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, hr: Tensor, code: Tensor) -> Tensor:
        """Degrade; `code` is `(N, 64)`."""
        if self.code is not None:
            channel = self.code(code).view(-1, 1, 64, 64)
            hr = torch.cat((hr, channel.to(hr.dtype)), 1)
        return torch.tanh(self.tail(self.body(functional.relu(self.head(hr)))))


class PreBlock(nn.Module):
    """Pre-activation block of L2H: `skip(x) + conv(relu(BN(conv(relu(BN(x))))))`, no bias."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(before)
        self.conv1 = nn.Conv2d(before, after, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.skip = nn.Conv2d(before, after, 1) if before != after else None

    def forward(self, x: Tensor) -> Tensor:
        """`(N, before, H, W)` to `(N, after, H, W)`."""
        inner = self.conv1(functional.relu(self.bn1(x)))
        inner = self.conv2(functional.relu(self.bn2(inner)))
        return cast(Tensor, inner + (x if self.skip is None else self.skip(x)))


class BulatL2H(nn.Module):
    """`(N, 3, H, W)` to `(N, 3, 4H, 4W)`, [-1, 1]: the layout of the released generator."""

    def __init__(self, config: BulatNetwork) -> None:
        super().__init__()
        wide, middle, narrow = config.l2h_widths
        many, few = config.l2h_blocks
        self.head = nn.Conv2d(3, wide, 3, padding=1, bias=False)
        self.stage1 = nn.Sequential(*(PreBlock(wide, wide) for _ in range(many)))
        self.up1 = _doubled(wide)
        self.stage2 = nn.Sequential(
            PreBlock(wide, middle), *(PreBlock(middle, middle) for _ in range(few - 1))
        )
        self.bypass2 = nn.Conv2d(wide, middle, 1)
        self.up2 = _doubled(middle)
        self.tail = nn.Sequential(
            nn.Conv2d(middle, narrow, 3, padding=1, bias=False),
            nn.ReLU(),
            nn.Conv2d(narrow, narrow, 1),
            nn.ReLU(),
            nn.Conv2d(narrow, 3, 1),
            nn.Tanh(),
        )

    def forward(self, lr: Tensor) -> Tensor:
        """Restore; any H and W."""
        x = self.head(lr)
        x = self.up1(x + self.stage1(x))
        x = self.up2(self.bypass2(x) + self.stage2(x))
        return cast(Tensor, self.tail(x))


class JudgeBlock(nn.Module):
    """Residual block with spectral normalisation; `halved` by average pooling or not."""

    def __init__(self, before: int, after: int, *, halved: bool, first: bool = False) -> None:
        super().__init__()
        self.first = first
        self.conv1 = _normalised(before, after, 3, 1.0)
        self.conv2 = _normalised(after, after, 3, 1.0)
        self.bypass = _normalised(before, after, 1, sqrt(2)) if halved else None

    def forward(self, x: Tensor) -> Tensor:
        """`(N, before, H, W)` to `(N, after, H, W)`, or half of that size."""
        inner = self.conv1(x if self.first else functional.relu(x))
        inner = self.conv2(functional.relu(inner))
        if self.bypass is None:
            return cast(Tensor, x + inner)
        return functional.avg_pool2d(inner + self.bypass(x), 2)


class BulatJudge(nn.Module):
    """Five residual blocks: `(N, 3, size, size)` to one unbounded number `(N,)`."""

    def __init__(self, config: BulatNetwork, size: int) -> None:
        super().__init__()
        width = config.judge_width
        halvings = int(log2(size // 4))
        self.blocks = nn.Sequential(
            JudgeBlock(3, width, halved=True, first=True),
            *(JudgeBlock(width, width, halved=index < halvings) for index in range(1, 5)),
            nn.ReLU(),
            nn.AvgPool2d(4),
        )
        dense = nn.Linear(width, 1)
        nn.init.xavier_uniform_(dense.weight)
        self.dense = spectral_norm(dense)

    def forward(self, image: Tensor) -> Tensor:
        """High for real images."""
        return cast(Tensor, self.dense(self.blocks(image).flatten(1)))[:, 0]


def lr_target(hr: Tensor) -> Tensor:
    """What H2L's image is compared with: means of 4x4 pixels."""
    return functional.avg_pool2d(hr, 4)


def _doubled(width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.ConvTranspose2d(width, width, 1),
    )


def _normalised(before: int, after: int, kernel: int, gain: float) -> nn.Module:
    conv = nn.Conv2d(before, after, kernel, padding=kernel // 2)
    nn.init.xavier_uniform_(conv.weight, gain)
    return spectral_norm(conv)
