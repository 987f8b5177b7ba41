"""A trained GFLmser as a function: low-resolution images in, four times their size out."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from gflmser.cards import ModelCard, WeightsError
from gflmser.load import load_gflmser
from gflmser.network import SCALE, GFLmser, enlarge, reduce
from gflmser.tensors import to_pixels, to_tensor

Number = Literal["fp32", "bf16", "fp16"]

_TYPES: Final = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
_MULTIPLE: Final = 4
"""L2H halves its input twice; H2L halves four times what is four times as large."""
_PROJECTIONS: Final = 8


class OracleError(WeightsError):
    """The network needs the ground truth, and there is none."""


class Restorer:
    """Restores images of any size with one network on one device."""

    scale: Final = SCALE

    def __init__(
        self,
        model: GFLmser,
        card: ModelCard,
        *,
        device: str = "cpu",
        precision: str = "fp32",
        consistent: bool = False,
    ) -> None:
        if precision not in _TYPES:
            raise WeightsError(f"precision '{precision}' is not one of {', '.join(_TYPES)}")
        if precision == "fp16" and device == "cpu":
            raise WeightsError("fp16 is not for the CPU; use fp32, or bf16")
        self.card = card
        self.name = card.name
        self.oracle = card.oracle
        self.device = torch.device(device)
        self.consistent = consistent
        self._type = _TYPES[precision]
        self._model = model.to(self.device, self._type).eval()
        self._model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._restore: Callable[[Tensor, Tensor | None], Tensor] = self._model.restore
        self._warned = False

    @torch.inference_mode()
    def restore(self, batch: Tensor, hr: Tensor | None = None) -> Tensor:
        """`(N, 3, H, W)` in [-1, 1] to `(N, 3, 4H, 4W)` in [-1, 1], float32, on this device.

        Any H and W: the image is padded by reflection inside. `hr` is looked at by oracle
        networks only; they raise OracleError without it.
        """
        if batch.ndim != 4 or batch.shape[1] != 3:
            raise ValueError(f"a batch is (N, 3, H, W), not {tuple(batch.shape)}")
        if self.oracle and hr is None:
            raise OracleError(
                f"'{self.name}' is an oracle: it restores nothing without the ground truth"
            )
        lr = batch.to(self.device, torch.float32)
        truth = hr.to(self.device) if hr is not None and self.oracle else None
        padded, truth = pad(lr, _MULTIPLE), None if truth is None else pad(truth, _MULTIPLE * SCALE)
        out = self._run(padded, truth)
        out = out[..., : SCALE * lr.shape[-2], : SCALE * lr.shape[-1]].clamp(-1, 1)
        return back_project(out, lr) if self.consistent else out

    def __call__(
        self, images: NDArray[np.uint8], hr: NDArray[np.uint8] | None = None
    ) -> NDArray[np.uint8]:
        """`(N, H, W, 3)` uint8 to `(N, 4H, 4W, 3)` uint8; as `restore` otherwise."""
        truth = None if hr is None or not self.oracle else to_tensor(hr)
        return to_pixels(self.restore(to_tensor(images), truth))

    def weights(self) -> dict[str, Tensor]:
        """The network's tensors by name, those that it computes with."""
        return dict(self._model.named_parameters())

    def _run(self, lr: Tensor, hr: Tensor | None) -> Tensor:
        inputs = lr.to(self._type, memory_format=torch.channels_last)
        truth = None if hr is None else hr.to(self._type, memory_format=torch.channels_last)
        out = self._restore(inputs, truth).float()
        if self._type is torch.float32 or bool(torch.isfinite(out).all()):
            return out
        if not self._warned:
            warnings.warn(f"{self.name}: overflow in {self._type}; redone in float32", stacklevel=2)
            self._warned = True
        self._model.float()
        try:
            return self._model.restore(lr, hr)
        finally:
            self._model.to(self._type)


def load_restorer(
    name_or_path: str | Path,
    *,
    device: str = "cpu",
    precision: str = "fp32",
    consistent: bool = False,
) -> Restorer:
    """A restorer from a shipped name or a safetensors file; raises WeightsError if it cannot be."""
    model, card = load_gflmser(name_or_path)
    return Restorer(model, card, device=device, precision=precision, consistent=consistent)


def pad(images: Tensor, multiple: int) -> Tensor:
    """Extended right and down by reflection until both sides are multiples of `multiple`.

    A side too short to be reflected is extended by its last pixel.
    """
    height, width = images.shape[-2:]
    down, right = -height % multiple, -width % multiple
    if not (down or right):
        return images
    mode = "reflect" if down < height and right < width else "replicate"
    return functional.pad(images, (0, right, 0, down), mode=mode)


def back_project(sr: Tensor, lr: Tensor) -> Tensor:
    """`sr` changed as little as needed so that, reduced by bicubic, it gives `lr` again."""
    for _ in range(_PROJECTIONS):
        sr = (sr + enlarge(lr - reduce(sr))).clamp(-1, 1)
    return sr
