"""A network as the batching upscaler sees it, whatever made it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from pipeline.names import Precision


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A restoring function on one device, and what it can bear."""

    name: str
    scale: int
    run: Callable[[Tensor], Tensor]
    """`(N, 3, H, W)` float32 to `(N, 3, H * scale, W * scale)`, any H and W; it pads by itself."""
    oracle: bool = False
    signed: bool = False
    """Images are in [-1, 1]; else in [0, 1]."""
    multiple: int = 1
    """Cutting an image at multiples of this changes nothing inside the network."""
    tile_factor: int = 1
    """How many times the asked tile side it should see at once; 0: it must see the whole."""
    batched: bool = True
    """Whether it takes more than one image in a pass."""
    pure: bool = False
    """Whether `run` draws no random numbers and keeps nothing: then it may be compiled, and on a
    CPU it is called from several threads at once."""
    short: Callable[[Tensor], Tensor] | None = None
    """As `run` in fp32 on a CPU, but faster for passes of few pixels; None for none.

    What it gives for an image does not depend on how many are in the pass, to the last bit.
    """
    precisions: frozenset[Precision] = frozenset({"fp32", "bf16", "fp16"})
