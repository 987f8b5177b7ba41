"""Back-projection: what a network made is corrected until, reduced, it gives its input again."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from data.errors import ModelError
from gflmser.network import SCALE
from gflmser.restore import back_project
from pipeline.upscalers.inference.network import Network


def back_projected(network: Network) -> Network:
    """`network` with every image projected; raises ModelError unless it enlarges by four."""
    if network.scale != SCALE:
        raise ModelError(f"{network.name} enlarges by {network.scale}; --consistent is for {SCALE}")

    def run(lr: Tensor) -> Tensor:
        sr = network.run(lr).float()
        if network.signed:
            return back_project(sr, lr)
        return (back_project(2 * sr - 1, 2 * lr - 1) + 1) / 2

    return replace(network, run=run, short=None)
