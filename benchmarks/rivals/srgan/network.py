"""SRGAN (Ledig et al., CVPR 2017): residual generator, VGG-like judge.

The default sizes are the paper's; the options of `SrganNetwork` also describe the generators whose
weights are public (see `import_weights`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, cast

import torch
from torch import Tensor, nn

_JUDGE_STEPS: Final = ((1, 2), (2, 1), (2, 2), (4, 1), (4, 2), (8, 1), (8, 2))
"""Width factor and stride of each convolution of the judge after the first."""


@dataclass(frozen=True, slots=True)
class SrganNetwork:
    """Sizes of both networks."""

    width: int = 64
    blocks: int = 16
    biased: bool = False
    """Convolutions before batch normalisation have a bias of their own (leftthomas)."""
    channel_slopes: bool = False
    """Every channel has its own PReLU slope (brade31919); else one slope for all."""
    epsilon: float = 1e-5
    """Of batch normalisation."""
    unit_input: bool = False
    """The first convolution sees the image in [0, 1]; else in [-1, 1]."""
    tanh: bool = False
    """The output is bounded by tanh; else it is linear, as in the paper."""
    judge_width: int = 64
    judge_dense: int = 1024


class ResidualBlock(nn.Module):
    """`x + BN(conv(PReLU(BN(conv(x)))))`, 3x3."""

    def __init__(self, config: SrganNetwork) -> None:
        super().__init__()
        self.conv1 = _normalised(config)
        self.bn1 = nn.BatchNorm2d(config.width, config.epsilon)
        self.slope = _slope(config)
        self.conv2 = _normalised(config)
        self.bn2 = nn.BatchNorm2d(config.width, config.epsilon)

    def forward(self, x: Tensor) -> Tensor:
        """`(N, width, H, W)` to the same shape."""
        inner = self.slope(self.bn1(self.conv1(x)))
        return cast(Tensor, x + self.bn2(self.conv2(inner)))


class SrganGenerator(nn.Module):
    """SRResNet: `(N, 3, H, W)` in [-1, 1] to `(N, 3, 4H, 4W)` about [-1, 1]."""

    def __init__(self, config: SrganNetwork) -> None:
        super().__init__()
        width = config.width
        self.unit_input, self.tanh = config.unit_input, config.tanh
        self.head = nn.Sequential(nn.Conv2d(3, width, 9, padding=4), _slope(config))
        self.blocks = nn.Sequential(*(ResidualBlock(config) for _ in range(config.blocks)))
        self.fuse = nn.Sequential(_normalised(config), nn.BatchNorm2d(width, config.epsilon))
        self.grow = nn.Sequential(*(_doubled(config) for _ in range(2)))
        self.tail = nn.Conv2d(width, 3, 9, padding=4)

    def forward(self, lr: Tensor) -> Tensor:
        """Restore; any H and W."""
        first = self.head((lr + 1) / 2 if self.unit_input else lr)
        out = self.tail(self.grow(first + self.fuse(self.blocks(first))))
        return torch.tanh(out) if self.tanh else cast(Tensor, out)


class SrganJudge(nn.Module):
    """`(N, 3, 64, 64)` to the logit `(N,)` of being a real image."""

    def __init__(self, config: SrganNetwork) -> None:
        super().__init__()
        width = config.judge_width
        layers: list[nn.Module] = [nn.Conv2d(3, width, 3, padding=1), nn.LeakyReLU(0.2)]
        before = width
        for factor, stride in _JUDGE_STEPS:
            after = width * factor
            layers += [
                nn.Conv2d(before, after, 3, stride, 1, bias=False),
                nn.BatchNorm2d(after),
                nn.LeakyReLU(0.2),
            ]
            before = after
        self.features = nn.Sequential(*layers)
        self.dense = nn.Sequential(
            nn.Linear(before * 4 * 4, config.judge_dense),
            nn.LeakyReLU(0.2),
            nn.Linear(config.judge_dense, 1),
        )

    def forward(self, image: Tensor) -> Tensor:
        """The logit of being real."""
        return cast(Tensor, self.dense(self.features(image).flatten(1)))[:, 0]


def _normalised(config: SrganNetwork) -> nn.Conv2d:
    """A 3x3 convolution that batch normalisation follows."""
    return nn.Conv2d(config.width, config.width, 3, padding=1, bias=config.biased)


def _slope(config: SrganNetwork) -> nn.PReLU:
    return nn.PReLU(config.width if config.channel_slopes else 1)


def _doubled(config: SrganNetwork) -> nn.Sequential:
    """Twice the size by pixel shuffle."""
    conv = nn.Conv2d(config.width, 4 * config.width, 3, padding=1)
    return nn.Sequential(conv, nn.PixelShuffle(2), _slope(config))
