"""Back-projection: what a network made is corrected until, reduced, it gives its input again."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from torch import Tensor

from pipeline.errors import ModelError
from pipeline.upscalers.network import Network

_SCALE: Final = 4


def back_projected(network: Network) -> Network:
    """`network` with every picture projected; raises ModelError unless it enlarges by four."""
    from gflmser.restore import back_project

    if network.scale != _SCALE:
        raise ModelError(f"{network.name} enlarges by {network.scale}; --consistent is for 4")

    def run(lr: Tensor) -> Tensor:
        sr = network.run(lr).float()
        if network.signed:
            return back_project(sr, lr)
        return (back_project(2 * sr - 1, 2 * lr - 1) + 1) / 2

    return replace(network, run=run)
