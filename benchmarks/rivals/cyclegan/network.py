"""CycleGAN (Zhu et al., ICCV 2017): two translators and two PatchGAN judges on unpaired images.

Both domains are 64x64: low-resolution faces enlarged by bicubic, and high-resolution faces.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from gflmser.network import enlarge


@dataclass(frozen=True, slots=True)
class CycleganNetwork:
    """Sizes of translators and judges."""

    width: int = 64
    blocks: int = 6
    """Residual blocks at a quarter of the size; 6 for 64x64, 9 for 256x256."""
    judge_width: int = 64
    pool: int = 50
    """Earlier translations that the judges are shown again."""


class ReflectBlock(nn.Module):
    """`x + IN(conv(relu(IN(conv(x)))))`, 3x3 with reflected borders."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, padding_mode="reflect"),
            nn.InstanceNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, padding_mode="reflect"),
            nn.InstanceNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        """`(N, width, H, W)` to the same shape."""
        return cast(Tensor, x + self.layers(x))


class Translator(nn.Module):
    """`(N, 3, H, W)` in [-1, 1] to the same shape and range; H and W multiples of 4, at least 8."""

    def __init__(self, config: CycleganNetwork) -> None:
        super().__init__()
        width = config.width
        layers: list[nn.Module] = [
            nn.Conv2d(3, width, 7, padding=3, padding_mode="reflect"),
            nn.InstanceNorm2d(width),
            nn.ReLU(),
        ]
        for factor in (1, 2):
            layers += [
                nn.Conv2d(width * factor, 2 * width * factor, 3, stride=2, padding=1),
                nn.InstanceNorm2d(2 * width * factor),
                nn.ReLU(),
            ]
        layers += [ReflectBlock(4 * width) for _ in range(config.blocks)]
        for factor in (4, 2):
            after = width * factor // 2
            layers += [
                nn.ConvTranspose2d(width * factor, after, 3, 2, padding=1, output_padding=1),
                nn.InstanceNorm2d(after),
                nn.ReLU(),
            ]
        layers += [nn.Conv2d(width, 3, 7, padding=3, padding_mode="reflect"), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        self.apply(_initialise)

    def forward(self, image: Tensor) -> Tensor:
        """Translate."""
        return cast(Tensor, self.layers(image))


class CycleganRestorer(nn.Module):
    """The translator to high resolution behind a bicubic enlargement: x4 of images >= 2x2."""

    def __init__(self, config: CycleganNetwork) -> None:
        super().__init__()
        self.translator = Translator(config)

    def forward(self, lr: Tensor) -> Tensor:
        """`(N, 3, H, W)` to `(N, 3, 4H, 4W)`, [-1, 1]."""
        return cast(Tensor, self.translator(enlarge(lr)))


class PatchJudge(nn.Module):
    """PatchGAN that sees 70x70: `(N, 3, 64, 64)` to a map of logits `(N, 1, 6, 6)`.

    It also keeps a pool of earlier translations, so that a checkpoint has it.
    """

    def __init__(self, config: CycleganNetwork) -> None:
        super().__init__()
        width = config.judge_width
        self.layers = nn.Sequential(
            nn.Conv2d(3, width, 4, 2, 1),
            nn.LeakyReLU(0.2),
            *_patch_layer(width, 2 * width, 2),
            *_patch_layer(2 * width, 4 * width, 2),
            *_patch_layer(4 * width, 8 * width, 1),
            nn.Conv2d(8 * width, 1, 4, 1, 1),
        )
        self.register_buffer("pool", torch.zeros(config.pool, 3, 64, 64))
        self.register_buffer("pooled", torch.zeros((), dtype=torch.long))
        self.apply(_initialise)

    def forward(self, image: Tensor) -> Tensor:
        """Logits of each patch being real."""
        return cast(Tensor, self.layers(image))

    @torch.no_grad()
    def from_pool(self, fakes: Tensor) -> Tensor:
        """Each of `fakes` `(N, 3, 64, 64)` or, by a coin, an earlier one that it replaces."""
        pool, pooled = cast(Tensor, self.pool), cast(Tensor, self.pooled)
        shown, filled = [], int(pooled)  # asked once: a GPU is waited for
        for fake in fakes.detach():
            if filled < len(pool):
                pool[filled] = fake
                filled += 1
                shown.append(fake)
            elif len(pool) and torch.rand(()) < 0.5:
                index = int(torch.randint(len(pool), ()))
                shown.append(pool[index].clone())
                pool[index] = fake
            else:
                shown.append(fake)
        pooled.fill_(filled)
        return torch.stack(shown)


def l1(made: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference, of cycles and identities."""
    return functional.l1_loss(made.float(), target.float())


def _patch_layer(before: int, after: int, stride: int) -> tuple[nn.Module, ...]:
    conv = nn.Conv2d(before, after, 4, stride, 1)
    return conv, nn.InstanceNorm2d(after), nn.LeakyReLU(0.2)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
