"""Small changes to a face network: products of low rank for its later stages, gains and biases.

Few numbers are learnt and shipped: they do not fit the training faces by heart, and weigh tenths of
the network. Hu and others, LoRA, 2021 (arXiv 2106.09685).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import torch
from torch import Tensor, nn
from torch.func import functional_call

from data.errors import ModelError
from pipeline.identity.dlib_in_torch import FaceNet

__all__ = ["Changes", "changed_weights"]

FIRST_STAGE: Final = 1
"""Stages before this one stay as they are: their backward pass costs the most."""
_KINDS: Final = ("down", "up", "gain", "shift")


class Changes(nn.Module):
    """What is learnt: for each convolution `down` (r, I*K*K), `up` (O, r), `gain` and `shift` (O).

    They start as no change: `up`, `gain` and `shift` are 0.
    """

    def __init__(
        self, net: FaceNet, *, rank: int, first_stage: int = FIRST_STAGE, seed: int = 0
    ) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.layers = nn.ParameterDict()
        for name, weight in _convolutions(net, first_stage):
            outputs, inputs = weight.shape[0], weight[0].numel()
            random = torch.randn(rank, inputs, generator=generator) / inputs**0.5
            for kind, values in zip(
                _KINDS,
                (random, torch.zeros(outputs, rank), torch.zeros(outputs), torch.zeros(outputs)),
                strict=True,
            ):
                self.layers[_key(name, kind)] = nn.Parameter(values)

    @torch.no_grad()
    def begin_with(self, values: Mapping[str, Tensor]) -> None:
        """Take the values of other changes; raises `ModelError` when they do not fit."""
        shapes = {name: one.shape for name, one in self.layers.items()}
        if {name: one.shape for name, one in values.items()} != shapes:
            raise ModelError("the changes to start with are of another rank or network")
        for name, one in values.items():
            self.layers[name].copy_(one)

    def forward(self, net: FaceNet, faces: Tensor) -> Tensor:
        """Embeddings `(N, 128)` of `(N, 3, 150, 150)` faces, RGB 0-255, by the changed network."""
        found: Tensor = functional_call(net, changed_weights(net, dict(self.layers)), (faces,))
        return found


def changed_weights(net: FaceNet, changes: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights and biases of `net` after `changes`, by their names in its state.

    Raises `KeyError` when a change names a layer that the network does not have.
    """
    weights = dict(net.named_parameters())
    layers = {key.rsplit(":", 1)[0] for key in changes}
    found: dict[str, Tensor] = {}
    for layer in sorted(layers):
        name = layer.replace("/", ".")
        weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        down, up, gain, shift = (changes[f"{layer}:{kind}"] for kind in _KINDS)
        changed = (weight + (up @ down).view_as(weight)) * (1 + gain).view(-1, 1, 1, 1)
        found[f"{name}.weight"] = changed.contiguous(memory_format=torch.channels_last)
        found[f"{name}.bias"] = bias * (1 + gain) + shift
    return found


def _convolutions(net: FaceNet, first_stage: int) -> Iterator[tuple[str, Tensor]]:
    for name, weight in net.named_parameters():
        parts = name.split(".")
        if parts[0] == "stages" and int(parts[1]) >= first_stage and parts[-1] == "weight":
            yield name.removesuffix(".weight"), weight


def _key(name: str, kind: str) -> str:
    """`ParameterDict` takes no dots."""
    return f"{name.replace('.', '/')}:{kind}"
