"""Published weights of SRGAN: leftthomas (PyTorch) and brade31919 (TensorFlow)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor

from benchmarks.rivals.srgan.network import SrganNetwork
from pipeline.origins import Names, Origin, renamed

_LEFTTHOMAS: Final[Names] = (
    (r"block1\.([01])\.(\w+)", r"head.\1.\2"),
    (r"block([2-6])\.(conv\d|bn\d)\.(\w+)", r"blocks.{block-2}.\2.\3"),
    (r"block([2-6])\.prelu\.weight", r"blocks.{block-2}.slope.weight"),
    (r"block7\.([01])\.(\w+)", r"fuse.\1.\2"),
    (r"block8\.([01])\.conv\.(\w+)", r"grow.\1.0.\2"),
    (r"block8\.([01])\.prelu\.weight", r"grow.\1.2.weight"),
    (r"block8\.2\.(\w+)", r"tail.\1"),
)

_BRADE: Final[Names] = (
    (r"input_stage/conv/Conv/(weights|biases)", r"head.0.\1"),
    (r"input_stage/Prelu/alpha", r"head.1.weight"),
    (r"resblock_(\d+)/conv_([12])/Conv/weights", r"blocks.{block-1}.conv\2.weights"),
    (r"resblock_(\d+)/BatchNorm/(\w+)", r"blocks.{block-1}.bn1.\2"),
    (r"resblock_(\d+)/BatchNorm_1/(\w+)", r"blocks.{block-1}.bn2.\2"),
    (r"resblock_(\d+)/Prelu/alpha", r"blocks.{block-1}.slope.weight"),
    (r"resblock_output/conv/Conv/weights", r"fuse.0.weights"),
    (r"resblock_output/BatchNorm/(\w+)", r"fuse.1.\1"),
    (r"subpixelconv_stage([12])/conv/Conv/(weights|biases)", r"grow.{block-1}.0.\2"),
    (r"subpixelconv_stage([12])/Prelu/alpha", r"grow.{block-1}.2.weight"),
    (r"output_stage/conv/Conv/(weights|biases)", r"tail.\1"),
)
_BRADE_PREFIX: Final = "generator/generator_unit/"
_TENSORFLOW: Final = {
    "weights": "weight",
    "biases": "bias",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def _leftthomas(state: Mapping[str, Tensor], origin: str) -> dict[str, Tensor]:
    return {renamed(key, _LEFTTHOMAS, origin): tensor for key, tensor in state.items()}


def _brade(state: Mapping[str, Tensor], origin: str) -> dict[str, Tensor]:
    """Kernels are HWIO there; batch normalisation has no scale."""
    made: dict[str, Tensor] = {}
    for key, tensor in state.items():
        if not key.startswith(_BRADE_PREFIX):
            continue  # optimiser and judge
        ours = renamed(key.removeprefix(_BRADE_PREFIX), _BRADE, origin)
        layer, _, field = ours.rpartition(".")
        if field == "weights":
            tensor = tensor.permute(3, 2, 0, 1).contiguous()
        if field == "beta":
            made[f"{layer}.weight"] = torch.ones_like(tensor)
        made[f"{layer}.{_TENSORFLOW.get(field, field)}"] = tensor
    return made


LEFTTHOMAS: Final = Origin(
    method="srgan",
    network=lambda _: SrganNetwork(blocks=5, biased=True, unit_input=True, tanh=True),
    translate=_leftthomas,
)
"""`netG_epoch_*.pth`, scale 4."""

BRADE31919: Final = Origin(
    method="srgan",
    network=lambda _: SrganNetwork(channel_slopes=True, epsilon=1e-3, unit_input=True),
    translate=_brade,
)
"""The variables of the TensorFlow checkpoint, saved by their names as .npz or .safetensors."""
