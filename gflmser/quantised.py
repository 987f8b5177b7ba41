"""Tensors at 8 bits: whole numbers from -127 to 127 with one scale for each output channel.

A weight of convolution or matrix `NAME` becomes `NAME` (int8) and `NAME:scale` (float32, one number
for each entry of the first dimension). Its values are their product. Smaller tensors, such as
biases, stay as they are. This is symmetric post-training quantisation of weights (Krishnamoorthi,
arXiv 1806.08342, section 3); networks compute in float32 all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor

_SCALE: Final = ":scale"
_LARGEST: Final = 127


class QuantisationError(ValueError):
    """Tensors at 8 bits and their scales do not belong together."""


def quantise(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`tensors` with every one of two dimensions or more at 8 bits.

    A value moves by at most half of its channel's scale: 1/254 of the channel's largest value.
    Raises QuantisationError for values that are not finite.

    >>> quantise({"w": torch.tensor([[0.5, -1.27]])})["w"]
    tensor([[  50, -127]], dtype=torch.int8)
    """
    packed: dict[str, Tensor] = {}
    for key, tensor in tensors.items():
        if tensor.ndim < 2:
            packed[key] = tensor
            continue
        values = tensor.detach().float()
        if not values.isfinite().all():
            raise QuantisationError(f"tensor '{key}' has values that are not finite")
        largest = values.flatten(1).abs().amax(1)
        scale = torch.where(largest > 0, largest / _LARGEST, 1.0)
        whole = (values / _along(scale, values)).round().clamp(-_LARGEST, _LARGEST)
        packed |= {key: whole.to(torch.int8), key + _SCALE: scale}
    return packed


def restored(packed: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors that `quantise` was given: in float32 where they were at 8 bits.

    Raises QuantisationError when a scale is missing, left over, damaged or of another shape, and
    when nothing is at 8 bits.

    >>> restored(quantise({"w": torch.tensor([[0.5, -1.27]])}))["w"]
    tensor([[ 0.5000, -1.2700]])
    """
    coded = [key for key, tensor in packed.items() if tensor.dtype == torch.int8]
    scales = {key + _SCALE for key in coded}
    stray = sorted({key for key in packed if key.endswith(_SCALE)} - scales)
    if stray:
        raise QuantisationError(f"'{stray[0]}' belongs to no tensor")
    if not coded:
        raise QuantisationError("no tensor is at 8 bits, though the card says so")
    tensors = {key: tensor for key, tensor in packed.items() if key not in scales}
    return tensors | {key: _product(key, packed[key], packed.get(key + _SCALE)) for key in coded}


def _product(key: str, whole: Tensor, scale: Tensor | None) -> Tensor:
    if scale is None or scale.dtype != torch.float32 or scale.shape != whole.shape[:1]:
        raise QuantisationError(f"tensor '{key}' is at 8 bits without a scale for each channel")
    if not (scale.isfinite() & (scale > 0)).all():
        raise QuantisationError(f"tensor '{key}' has a damaged scale")
    return whole.float() * _along(scale, whole)


def _along(scale: Tensor, tensor: Tensor) -> Tensor:
    return scale.view(-1, *(1,) * (tensor.ndim - 1))
