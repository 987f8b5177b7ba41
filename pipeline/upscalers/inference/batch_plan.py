"""How much goes through a network at once, decided from the size of the images alone.

A convolution on one image and on sixty-four picks different kernels, which round differently: in
the last bit, but enough to move a pixel now and then. So every pass over images of one size has
the same number of them; the last one is filled up. The batch size only says how many are sent to
the device and copied back together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from pipeline.upscalers.base import LoadOptions
from pipeline.upscalers.inference.network import Network

_CPU_PIXELS: Final = 1024
"""Input pixels per pass on a CPU: four 16x16 images, beyond which nothing gets faster."""
_GPU_PIXELS: Final = 65536
_MOST: Final = 64
_SMALLEST_TILE: Final = 32


@dataclass(frozen=True, slots=True)
class Plan:
    """For images of one size: images per transfer, images (or tiles) per pass, the cut."""

    batch: int
    per_pass: int
    tile: int
    """Side of a tile in input pixels; 0: whole images."""
    overlap: int
    side_by_side: bool = False
    """Whether the passes are too small to be shared by threads: each has one, several run at once.
    """

    def smaller(self, side: int, network: Network) -> Plan | None:
        """What to try when memory ran out with images of longest side `side`; None: nothing."""
        if self.batch > 1 or self.per_pass > 1:
            return replace(self, batch=max(1, self.batch // 2), per_pass=max(1, self.per_pass // 2))
        tile = round_up((self.tile or side) // 2, network.multiple)
        if network.tile_factor == 0 or tile < _SMALLEST_TILE:
            return None
        return replace(self, tile=tile, overlap=min(self.overlap, tile // 4))


def first_plan(height: int, width: int, network: Network, options: LoadOptions, kind: str) -> Plan:
    """The plan for images of one size on a device of type `kind`."""
    tile = round_up(options.tile * network.tile_factor, network.multiple)
    if max(height, width) <= tile:
        tile = 0
    area = min(height, tile or height) * min(width, tile or width)
    budget = _CPU_PIXELS if kind == "cpu" else _GPU_PIXELS
    per_pass = min(_MOST, max(1, budget // area)) if network.batched else 1
    short = kind == "cpu" and network.pure and area <= _CPU_PIXELS
    return Plan(options.batch_size, per_pass, tile, options.overlap, side_by_side=short)


def round_up(value: int, multiple: int) -> int:
    """The next multiple of `multiple` that is not below `value`."""
    return -(-value // multiple) * multiple
