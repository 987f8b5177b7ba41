"""The published weights of CycleGAN: junyanz' `latest_net_G*.pth`, with instance normalisation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from torch import Tensor

from benchmarks.rivals.cyclegan.network import CycleganNetwork
from pipeline.origins import Names, Origin, renamed

_EDGES: Final = (1, 4, 7)
"""Convolutions before the residual blocks; the layers between them have no tensors."""
_FIRST: Final = 10
"""Number of the first residual block."""
_DEAD: Final = re.compile(
    r"model\.(?:\d+|\d+\.conv_block\.\d)\.(?:running_mean|running_var|num_batches_tracked)"
)
"""Figures of instance normalisation in old files: the original drops them too."""


def _blocks(state: Mapping[str, Tensor]) -> int:
    """How many residual blocks there are, by the names."""
    matches = (re.match(r"model\.(\d+)\.conv_block\.", key) for key in state)
    return len({match[1] for match in matches if match})


def _translate(state: Mapping[str, Tensor], origin: str) -> dict[str, Tensor]:
    """Borders are layers there and part of the convolution here: the numbers differ by one or two.

    Behind the blocks come two transposed convolutions and, with its border, the last one.
    """
    first, blocks = _FIRST, _blocks(state)
    behind = first + blocks
    plain = {at: at - 1 for at in (*_EDGES, behind, behind + 3)} | {behind + 7: behind + 5}
    names: Names = (
        *(
            (rf"model\.{at}\.(weight|bias)", rf"translator.layers.{to}.\1")
            for at, to in plain.items()
        ),
        *(
            (
                rf"model\.{first + block}\.conv_block\.{at}\.(weight|bias)",
                rf"translator.layers.{first + block - 1}.layers.{to}.\1",
            )
            for block in range(blocks)
            for at, to in ((1, 0), (5, 3))
        ),
    )
    return {renamed(key, names, origin): tensor for key, tensor in state.items()}


JUNYANZ: Final = Origin(
    method="cyclegan",
    network=lambda state: CycleganNetwork(blocks=_blocks(state)),
    translate=_translate,
    dead=_DEAD,
)
"""resnet_6blocks or resnet_9blocks."""
