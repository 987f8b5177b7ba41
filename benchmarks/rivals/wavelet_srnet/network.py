"""Wavelet-SRNet (Huang et al., ICCV 2017): predict the Haar wavelet packet of the image."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import sqrt
from typing import Final, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

_DEPTH: Final = 2
"""Halvings of the size, for x4."""


@dataclass(frozen=True, slots=True)
class WaveletNetwork:
    """Sizes of the embedding and of the heads."""

    widths: tuple[int, ...] = (64, 128, 256, 512, 1024)
    blocks: int = 2
    """Residual blocks of each width."""
    head_width: int = 32
    """Channels for each sub-band in a head; twice as many in its second half."""


class HaarPacket(nn.Module):
    """The orthonormal Haar wavelet packet of each colour: 16 sub-bands of a quarter of the size.

    Sub-bands come low frequency first, then the three coarse details, then the twelve fine ones;
    each has its three colours together, so that a packet is `(N, 48, H, W)`.
    """

    def __init__(self) -> None:
        super().__init__()
        low, high = torch.tensor([1.0, 1.0]) / sqrt(2), torch.tensor([1.0, -1.0]) / sqrt(2)
        bands = list(product((low, high), repeat=2))
        filters = []
        for fine, coarse in product(bands, repeat=_DEPTH):
            rows, columns = (torch.kron(coarse[axis], fine[axis]) for axis in (0, 1))
            filters.append(torch.outer(rows, columns))
        self.register_buffer("filters", torch.stack(filters)[:, None], persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """`(N, 3, 4H, 4W)` to its packet `(N, 48, H, W)`, in float32 under autocast too."""
        with torch.autocast(image.device.type, enabled=False):
            flat = image.float().flatten(0, 1)[:, None]
            bands = functional.conv2d(flat, cast(Tensor, self.filters).float(), stride=4)
        packed = bands.view(-1, 3, *bands.shape[1:]).transpose(1, 2)
        return packed.flatten(1, 2)

    def inverse(self, packet: Tensor) -> Tensor:
        """The image `(N, 3, 4H, 4W)` of a packet `(N, 48, H, W)`, in float32 like `forward`."""
        bands = packet.float().view(len(packet), 16, 3, *packet.shape[-2:])
        bands = bands.transpose(1, 2).flatten(0, 1)
        # bf16 filters and sums cost up to 1.5 grey levels.
        with torch.autocast(packet.device.type, enabled=False):
            flat = functional.conv_transpose2d(bands, cast(Tensor, self.filters).float(), stride=4)
        return flat.view(len(packet), 3, *flat.shape[-2:])


class WaveletBlock(nn.Module):
    """`relu(BN(expand(x) + conv(relu(BN(conv(x))))))`, no bias, 3x3.

    `groups` divide the second convolution, and the first unless `dense_entry`; expansion is dense.
    """

    def __init__(
        self, before: int, after: int, groups: int = 1, *, dense_entry: bool = False
    ) -> None:
        super().__init__()
        expanded = dense_entry or before != after
        self.expand = nn.Conv2d(before, after, 1, bias=False) if expanded else None
        entry_groups = 1 if dense_entry else groups
        self.conv1 = nn.Conv2d(before, after, 3, padding=1, groups=entry_groups, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, groups=groups, bias=False)
        self.bn2 = nn.BatchNorm2d(after)

    def forward(self, x: Tensor) -> Tensor:
        """`(N, before, H, W)` to `(N, after, H, W)`."""
        inner = self.conv2(functional.relu(self.bn1(self.conv1(x))))
        return functional.relu(self.bn2(inner + (x if self.expand is None else self.expand(x))))


class WaveletSrnet(nn.Module):
    """`(N, 3, H, W)` in [-1, 1] to `(N, 3, 4H, 4W)` about [-1, 1]; [0, 1] inside."""

    def __init__(self, config: WaveletNetwork) -> None:
        super().__init__()
        first = config.widths[0]
        self.head = nn.Sequential(
            nn.Conv2d(3, first, 3, padding=1, bias=False), nn.BatchNorm2d(first), nn.ReLU()
        )
        layers: list[nn.Module] = []
        before = first
        for width in config.widths:
            layers += [
                WaveletBlock(before if index == 0 else width, width)
                for index in range(config.blocks)
            ]
            before = width
        self.embedding = nn.Sequential(*layers)
        self.heads = nn.ModuleList(
            _head(before, config.head_width, groups) for groups in (1, 3, 12)
        )
        self.haar = HaarPacket()
        self.apply(_initialise)

    def packet(self, lr: Tensor) -> Tensor:
        """The predicted packet `(N, 48, H, W)` of the image in [0, 1]."""
        inner = self.embedding(self.head((lr + 1) / 2))
        return torch.cat([head(inner) for head in self.heads], 1)

    def forward(self, lr: Tensor) -> Tensor:
        """Restore; any H and W."""
        return self.haar.inverse(self.packet(lr)) * 2 - 1


def squared(made: Tensor, target: Tensor) -> Tensor:
    """Squared differences summed over an image, half of their mean over the batch."""
    return (made.float() - target.float()).square().sum() / (2 * len(made))


def texture(made: Tensor, target: Tensor, ratio: float = 1.2) -> Tensor:
    """How far the energy of predicted details falls below `ratio` times that of the target.

    Both are `(N, 3 * bands, H, W)`; the energy of a coefficient is summed over the colours.
    """
    energies = [
        packet.float().view(len(packet), -1, 3, *packet.shape[-2:]).square().sum(2)
        for packet in (made, target)
    ]
    return functional.relu(ratio * energies[1] - energies[0]).mean()


def _head(before: int, width: int, groups: int) -> nn.Sequential:
    """The sub-bands of one level, `3 * groups` channels."""
    inner = width * groups
    return nn.Sequential(
        WaveletBlock(before, inner, groups, dense_entry=True),
        WaveletBlock(inner, 2 * inner, groups),
        nn.Conv2d(2 * inner, 3 * groups, 3, padding=1, groups=groups),
    )


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        fan = module.kernel_size[0] * module.kernel_size[1] * module.out_channels
        nn.init.normal_(module.weight, 0, sqrt(2 / fan))
        if module.bias is not None:
            nn.init.zeros_(module.bias)
