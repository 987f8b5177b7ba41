"""A deployable restorer as an ONNX file that needs nothing of ours."""

from __future__ import annotations

import contextlib
import io
import json
import secrets
import warnings
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from gflmser.cards import ModelCard, WeightsError
from gflmser.load import load_gflmser
from gflmser.network import GFLmser
from gflmser.schema import dump

OPSET = 18


GRAPH_OF: Final = "network"
"""Key of a graph's metadata: the configuration of its network, as JSON."""


class _Signed(nn.Module):
    """`GFLmser.restore`: [-1, 1] to [-1, 1]."""

    def __init__(self, model: GFLmser) -> None:
        super().__init__()
        self.model = model

    def forward(self, lr: Tensor) -> Tensor:
        return self.model.restore(lr)


class _Deployed(nn.Module):
    """`lr` in [0, 1] to the image of four times its size in [0, 1]."""

    def __init__(self, model: GFLmser) -> None:
        super().__init__()
        self.model = model

    def forward(self, lr: Tensor) -> Tensor:
        out = self.model.restore(lr * 2 - 1)
        return ((out + 1) / 2).clamp(0, 1)


def export_onnx(name_or_path: str | Path, file: Path) -> ModelCard:
    """Write `file`; its card goes into the metadata.

    Input `lr` `(N, 3, H, W)` float32 RGB in [0, 1], H and W multiples of 4; output `sr`
    `(N, 3, 4H, 4W)`, the same range. Raises WeightsError for an oracle and where `file` is the
    weight file itself, OSError where it cannot be written.
    """
    import onnx

    model, card = load_gflmser(name_or_path)
    if card.oracle:
        raise WeightsError(f"'{card.name}' is an oracle: it restores nothing without ground truth")
    given = Path(name_or_path)
    if given.is_file() and file.exists() and file.samefile(given):
        raise WeightsError(f"{file} is the weight file itself: choose another name")
    file.parent.mkdir(parents=True, exist_ok=True)
    traced = file.with_name(f".part-{secrets.token_hex(8)}.onnx")
    try:  # an error of the system, not torch's, where nothing can be written
        traced.touch(exist_ok=False)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(file)) from error
    try:
        proto = onnx.load_model_from_string(_traced(_Deployed(model)))
        entry = proto.metadata_props.add()
        entry.key, entry.value = "card", json.dumps(card.plain())
        onnx.checker.check_model(proto)
        onnx.save_model(proto, str(traced))
        traced.replace(file)
    finally:
        traced.unlink(missing_ok=True)
    return card


def graph_without_weights(name_or_path: str | Path) -> bytes:
    """The graph of a restorer, [-1, 1] to [-1, 1], whose parameters are named but hold no data.

    They are called as in `Restorer.weights`, with `model.` before it. The same bytes serve all
    weights of the same network, which stands in the metadata (`GRAPH_OF`).
    """
    import onnx

    model, _ = load_gflmser(name_or_path)
    proto = onnx.load_model_from_string(_traced(_Signed(model)))
    for one in proto.graph.initializer:
        if one.name.startswith("model."):
            one.ClearField("raw_data")
    entry = proto.metadata_props.add()
    entry.key, entry.value = GRAPH_OF, json.dumps(dump(model.config), sort_keys=True)
    return bytes(proto.SerializeToString(deterministic=True))


def _traced(model: nn.Module) -> bytes:
    axes = {0: "batch", 2: "height", 3: "width"}
    file = io.BytesIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        # Tracing keeps bicubic as one Resize; the newer exporter takes it apart, in a minute.
        torch.onnx.export(
            model.eval(),
            (torch.rand(2, 3, 16, 24),),
            file,  # type: ignore[arg-type]  # a buffer is taken too
            dynamo=False,
            opset_version=OPSET,
            input_names=["lr"],
            output_names=["sr"],
            dynamic_axes={"lr": axes, "sr": {0: "batch", 2: "height4", 3: "width4"}},
        )
    return file.getvalue()
