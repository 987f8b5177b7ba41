"""dlib's face network with its own weights, run by torch: the same 128 numbers, but faster.

The weights are read from `dlib_face_recognition_resnet_model_v1.dat` of face_recognition_models:
its tensors stand in the file in the order in which the network uses them. Equal to dlib within
5e-7, in batches, on any device, and with gradients: the network can serve as a loss.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from data.images.files import open_image
from data.prepared import DatasetImage
from pipeline.environment.dlib_models import model_file
from pipeline.identity.dlib_weights import read_tensors, tensors_of

__all__ = ["FaceNet", "embed", "embed_chips", "read_tensors", "shared_net"]

CHIP: Final = 150
"""Side of an aligned face in pixels."""
SIZE: Final = 128
"""Numbers of an embedding."""
_MEAN: Final = (122.782, 117.001, 104.298)
_STAGES: Final = ((32, 3, False), (64, 3, True), (128, 2, True), (256, 2, True), (256, 0, True))
"""Channels, residual blocks, and whether a halving block comes first."""
_BATCH: Final = 64


class FaceNet(nn.Module):
    """`(N, 3, 150, 150)` faces, RGB 0-255, to `(N, 128)` embeddings, float32; threads may share it.

    `stem` and `stages` are frozen and in evaluation mode; gradients reach the input. `weights` is
    dlib's file or one of `save_halves`. Raises `ModelError` when face_recognition_models is not
    installed.

    Example:
        >>> FaceNet()(torch.zeros(2, 3, 150, 150)).shape
        torch.Size([2, 128])
    """

    mean: Tensor

    def __init__(self, weights: Path | None = None) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1), persistent=False)
        self.stem = _Convolution(3, 32, 7, 2)
        stages: list[nn.Module] = []
        channels = 32
        for wider, blocks, halved in _STAGES:
            first: list[nn.Module] = [_Halving(channels, wider)] if halved else []
            stages.append(nn.Sequential(*first, *(_Residual(wider) for _ in range(blocks))))
            channels = wider
        self.stages = nn.Sequential(*stages)
        self.last = nn.Parameter(torch.empty(channels, SIZE))
        self._fill(tensors_of(weights or model_file("embedding")))
        self.requires_grad_(False).eval()

    def forward(self, faces: Tensor) -> Tensor:
        """Return the embeddings; Euclidean distances compare faces."""
        x = (faces.float() - self.mean) / 256
        x = x.contiguous(memory_format=torch.channels_last)
        x = functional.max_pool2d(functional.relu(self.stem(x)), 3, 2)
        found: Tensor = self.stages(x).mean((2, 3)) @ self.last
        return found

    def _fill(self, tensors: Iterable[Tensor]) -> None:
        """dlib has a convolution and an affine layer behind it: they become one convolution."""
        left = iter(tensors)
        with torch.no_grad():
            for layer in self.modules():
                if isinstance(layer, _Convolution):
                    both, (gain, shift) = next(left), next(left).view(2, -1)
                    count = layer.weight.numel()
                    kernel = both[:count].view_as(layer.weight)
                    layer.weight.copy_(kernel * gain.view(-1, 1, 1, 1))
                    layer.bias.copy_(shift + both[count:] * gain)
            self.last.copy_(next(left).view_as(self.last))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


class _Convolution(nn.Module):
    """A convolution; strided ones are not padded, as dlib has it."""

    def __init__(self, inputs: int, outputs: int, size: int, stride: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, size, size))
        self.bias = nn.Parameter(torch.empty(outputs))
        self.stride = stride
        self.padding = 0 if stride > 1 else size // 2

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv2d(x, self.weight, self.bias, self.stride, self.padding)


class _Residual(nn.Module):
    """Two convolutions beside the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _Convolution(channels, channels, 3, 1)
        self.second = _Convolution(channels, channels, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.second(functional.relu(self.first(x))) + x)


class _Halving(nn.Module):
    """Halves the sides; dlib adds tensors of different shapes as if the smaller had zeros there."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = _Convolution(inputs, outputs, 3, 2)
        self.second = _Convolution(outputs, outputs, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        main = self.second(functional.relu(self.first(x)))
        side = functional.avg_pool2d(x, 2, 2)
        shape = [max(a, b) for a, b in zip(main.shape[1:], side.shape[1:], strict=True)]
        return functional.relu(_grown(main, shape) + _grown(side, shape))


def _grown(x: Tensor, shape: list[int]) -> Tensor:
    channels, height, width = (a - b for a, b in zip(shape, x.shape[1:], strict=True))
    return functional.pad(x, (0, width, 0, height, 0, channels))


def embed(
    images: Iterable[DatasetImage], *, progress: Callable[[int], None] | None = None
) -> tuple[list[str], NDArray[np.float32]]:
    """Keys and `(N, 128)` embeddings of the most central face of each image.

    Where HOG finds none, the middle of the image is taken for the face.
    """
    import dlib

    find = dlib.get_frontal_face_detector()
    landmarks = dlib.shape_predictor(str(model_file("landmarks5")))
    keys: list[str] = []
    parts: list[NDArray[np.float32]] = []
    chips: list[NDArray[np.uint8]] = []
    for image in images:
        with open_image(image.read()) as opened:
            rgb = np.array(opened.convert("RGB"))
        chips.append(dlib.get_face_chip(rgb, landmarks(rgb, _face(rgb, find, dlib))))
        keys.append(image.key)
        if len(chips) == _BATCH:
            parts.append(embed_chips(chips))
            chips.clear()
            if progress is not None:
                progress(len(keys))
    if chips:
        parts.append(embed_chips(chips))
    return keys, np.concatenate(parts) if parts else np.empty((0, 128), np.float32)


def embed_chips(
    chips: Sequence[NDArray[np.uint8]], net: Callable[[Tensor], Tensor] | None = None
) -> NDArray[np.float32]:
    """`(N, 128)` of aligned faces, each `(150, 150, 3)` uint8 RGB, by dlib's network or `net`."""
    run = net or shared_net()
    parts = [np.empty((0, SIZE), np.float32)]
    with torch.inference_mode():
        for start in range(0, len(chips), _BATCH):
            stack = torch.from_numpy(np.stack(chips[start : start + _BATCH]))
            parts.append(run(stack.permute(0, 3, 1, 2)).numpy())
    return np.concatenate(parts)


@functools.lru_cache(maxsize=1)
def shared_net() -> FaceNet:
    """Load dlib's network on the CPU once per process."""
    return FaceNet()


def _face(rgb: NDArray[np.uint8], find: Any, dlib: Any) -> Any:  # noqa: ANN401 - dlib is untyped
    height, width = rgb.shape[:2]
    x, y = width / 2, height / 2
    boxes = find(rgb, 0 if min(height, width) >= 200 else 1)
    if boxes:
        return min(boxes, key=lambda b: abs(b.center().x - x) + abs(b.center().y - y))
    half = 0.3 * min(height, width)
    return dlib.rectangle(int(x - half), int(y - half), int(x + half), int(y + half))
