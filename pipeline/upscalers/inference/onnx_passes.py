"""Short passes of a GFLmser by ONNX Runtime: the same pixels within a grey level, sooner.

The graph lies beside this module without weights. It is filled with those that were read and
checked, so that nothing is cached and no second file of weights has to be trusted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from gflmser.config import NetworkConfig
from gflmser.onnx_export import GRAPH_OF
from gflmser.restore import Restorer, pad
from gflmser.schema import parse
from pipeline.environment.onnx_constants import initialisers, metadata, with_weights
from pipeline.environment.onnx_models import open_session

__all__ = ["GRAPH", "OnnxPasses", "onnx_passes"]

GRAPH: Final = Path(__file__).with_name("gflmser.onnx")
"""Made by `python -m benchmarks.tools.ship_graph`."""
_MULTIPLE: Final = 4
_PREFIX: Final = "model."


class OnnxPasses:
    """`(N, 3, H, W)` to `(N, 3, 4H, 4W)`, float32 in [-1, 1], in the calling thread alone.

    An image's result does not depend on how many are in the pass. Threads may share it.
    """

    def __init__(self, graph: bytes, weights: Mapping[str, Tensor], name: str) -> None:
        """Raises ModelError where onnxruntime is missing or refuses the filled graph."""
        known = initialisers(graph)
        data = {
            _PREFIX + key: np.ascontiguousarray(value.detach().numpy(), np.float32).tobytes()
            for key, value in weights.items()
            if _PREFIX + key in known  # an H2L that restoring never runs is not in the graph
        }
        filled = with_weights(graph, data)
        self._session: Any = open_session(filled, name, device="cpu", threads=1)

    def __call__(self, lr: Tensor) -> Tensor:
        """Restore a batch; sides that are no multiples of 4 are padded by reflection inside."""
        height, width = lr.shape[-2:]
        padded = pad(lr, _MULTIPLE).contiguous().numpy()
        (out,) = self._session.run(None, {"lr": padded})
        return torch.from_numpy(out)[..., : 4 * height, : 4 * width].clamp(-1, 1)


def onnx_passes(restorer: Restorer) -> OnnxPasses | None:
    """Passes of `restorer`, which is on the CPU in float32; None where the graph is of another."""
    graph = GRAPH.read_bytes()
    of, own = json.loads(metadata(graph)[GRAPH_OF]), restorer.card.network
    if parse(NetworkConfig, of, at=GRAPH_OF) != parse(NetworkConfig, own, at=GRAPH_OF):
        return None
    return OnnxPasses(graph, restorer.weights(), restorer.name)
