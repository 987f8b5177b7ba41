"""dlib's face embedding with its own weights, run by torch: the same vectors, nine times as fast.

For tens of thousands of pictures: the leakage filter and the benchmarks. A user's own faces go
through dlib itself. The weights are read from `dlib_face_recognition_resnet_model_v1.dat` of
face_recognition_models: its tensors stand in the file in the order in which the network uses them.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from data.datasets.base import DatasetError
from data.images.files import open_image
from data.prepared import Picture

_MEAN: Final = (122.782, 117.001, 104.298)
_STAGES: Final = ((32, 3, False), (64, 3, True), (128, 2, True), (256, 2, True), (256, 0, True))
"""Channels, residual blocks, and whether a halving block comes first."""
_SMALLEST: Final = 32
_BATCH: Final = 64


def model_file(name: str) -> Path:
    """A file of face_recognition_models, found without importing it (it needs pkg_resources)."""
    spec = importlib.util.find_spec("face_recognition_models")
    if spec is None or not spec.submodule_search_locations:
        raise DatasetError("face_recognition_models is not installed: the filter needs its weights")
    return Path(spec.submodule_search_locations[0]) / "models" / name


class FaceNet:
    """`(N, 3, 150, 150)` faces, RGB 0-255, to `(N, 128)` embeddings; threads may share it."""

    def __init__(self, weights: Path | None = None) -> None:
        path = weights or model_file("dlib_face_recognition_resnet_model_v1.dat")
        self._tensors = read_tensors(path.read_bytes())

    @torch.inference_mode()
    def __call__(self, faces: Tensor) -> Tensor:
        """The embeddings, float32."""
        layers = _Layers(self._tensors)
        x = (faces.float() - torch.tensor(_MEAN).view(1, 3, 1, 1)) / 256
        x = functional.relu(
            layers.convolve(x.contiguous(memory_format=torch.channels_last), 32, 7, 2)
        )
        x = functional.max_pool2d(x, 3, 2)
        for channels, blocks, halved in _STAGES:
            if halved:
                x = layers.halve(x, channels)
            for _ in range(blocks):
                x = functional.relu(layers.pair(x, channels, 1) + x)
        return x.mean((2, 3)) @ layers.take().view(256, 128)


class _Layers:
    """The layers of one pass, which take their tensors in the order of the file."""

    def __init__(self, tensors: Iterable[Tensor]) -> None:
        self._left = iter(tensors)

    def take(self) -> Tensor:
        return next(self._left)

    def convolve(self, x: Tensor, channels: int, size: int, stride: int) -> Tensor:
        """A convolution and the affine layer behind it; strided ones are not padded."""
        inputs = x.shape[1]
        both = self.take()
        weights = channels * inputs * size * size
        kernel, bias = both[:weights].view(channels, inputs, size, size), both[weights:]
        gain, shift = self.take().view(2, channels)
        padding = 0 if stride > 1 else size // 2
        scaled = kernel * gain.view(-1, 1, 1, 1)
        return functional.conv2d(x, scaled, shift + bias * gain, stride, padding)

    def pair(self, x: Tensor, channels: int, stride: int) -> Tensor:
        return self.convolve(functional.relu(self.convolve(x, channels, 3, stride)), channels, 3, 1)

    def halve(self, x: Tensor, channels: int) -> Tensor:
        """dlib adds tensors of different shapes as if the smaller one were zero outside."""
        main, side = self.pair(x, channels, 2), functional.avg_pool2d(x, 2, 2)
        shape = [max(a, b) for a, b in zip(main.shape[1:], side.shape[1:], strict=True)]
        return functional.relu(_grown(main, shape) + _grown(side, shape))


def _grown(x: Tensor, shape: list[int]) -> Tensor:
    channels, height, width = (a - b for a, b in zip(shape, x.shape[1:], strict=True))
    return functional.pad(x, (0, width, 0, height, 0, channels))


def read_tensors(content: bytes) -> list[Tensor]:
    """The parameter tensors of a dlib network file, in order.

    A tensor is written as version 2, four sizes, and little-endian floats; an integer as a byte
    with its length and its bytes.
    """
    found: list[Tensor] = []
    at = 0
    while (at := content.find(b"\x01\x02", at)) >= 0:
        sizes, end = _sizes(content, at + 2)
        count = int(np.prod(sizes)) if len(sizes) == 4 else 0
        if (
            count >= _SMALLEST
            and sizes[1:] in ([1, 1, 1], [128, 1, 1])
            and end + 4 * count <= len(content)
        ):
            values = np.frombuffer(content, "<f4", count, end)
            if np.isfinite(values).all() and 1e-6 < np.abs(values).mean() < 1e3:
                found.append(torch.from_numpy(values.copy()))
                at = end + 4 * count
                continue
        at += 1
    return found


def _sizes(content: bytes, at: int) -> tuple[list[int], int]:
    sizes: list[int] = []
    while len(sizes) < 4 and at < len(content):
        length = content[at]
        if not 1 <= length <= 4:
            break
        sizes.append(int.from_bytes(content[at + 1 : at + 1 + length], "little"))
        at += 1 + length
    return sizes, at


def embed(
    pictures: Iterable[Picture], *, progress: Callable[[int], None] | None = None
) -> tuple[list[str], NDArray[np.float32]]:
    """Keys and `(N, 128)` embeddings of the most central face of each picture.

    Where HOG finds none, the middle of the picture is taken for the face.
    """
    import dlib

    find = dlib.get_frontal_face_detector()
    landmarks = dlib.shape_predictor(str(model_file("shape_predictor_5_face_landmarks.dat")))
    keys: list[str] = []
    parts: list[NDArray[np.float32]] = []
    chips: list[NDArray[np.uint8]] = []
    for picture in pictures:
        with open_image(picture.read()) as opened:
            rgb = np.array(opened.convert("RGB"))
        chips.append(dlib.get_face_chip(rgb, landmarks(rgb, _face(rgb, find, dlib))))
        keys.append(picture.key)
        if len(chips) == _BATCH:
            parts.append(embed_chips(chips))
            chips.clear()
            if progress is not None:
                progress(len(keys))
    if chips:
        parts.append(embed_chips(chips))
    return keys, np.concatenate(parts) if parts else np.empty((0, 128), np.float32)


def embed_chips(chips: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """`(N, 128)` of aligned faces `(150, 150, 3)`."""
    stack = torch.from_numpy(np.stack(chips)).permute(0, 3, 1, 2)
    vectors: NDArray[np.float32] = _face_net()(stack).numpy()
    return vectors


@functools.lru_cache(maxsize=1)
def _face_net() -> FaceNet:
    return FaceNet()


def _face(rgb: NDArray[np.uint8], find: Any, dlib: Any) -> Any:  # noqa: ANN401 - dlib is untyped
    height, width = rgb.shape[:2]
    x, y = width / 2, height / 2
    boxes = find(rgb, 0 if min(height, width) >= 200 else 1)
    if boxes:
        return min(boxes, key=lambda b: abs(b.center().x - x) + abs(b.center().y - y))
    half = 0.3 * min(height, width)
    return dlib.rectangle(int(x - half), int(y - half), int(x + half), int(y + half))
