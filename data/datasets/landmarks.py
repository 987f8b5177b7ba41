"""Files of 68 facial landmarks: Torch 7's `.t7`, MATLAB's `.mat`, and `.pts`."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.datasets.base import DatasetError
from data.regular_files import TEXT_BYTES, check_regular, read_bytes

SUFFIXES: Final = (".t7", ".mat", ".pts")
POINTS: Final = 68
_TORCH: Final = 4
"""Tag of an object with a class name in Torch 7's binary files."""
_TYPES: Final = {"Float": "<f4", "Double": "<f8", "Int": "<i4", "Long": "<i8"}


def read(path: Path) -> NDArray[np.float64]:
    """Columns x and y of the 68 points of a file, in pixels of its image: `(68, 2)`.

    Of 3D landmarks the depth is left out. Raises DatasetError naming the file.
    """
    readers = {".t7": _torch7, ".mat": _matlab, ".pts": _pts}
    try:
        points = readers[path.suffix](path)
    # scipy and numpy raise almost anything on files that are something else.
    except Exception as error:
        raise DatasetError(f"{path}: no landmarks can be read: {error}") from error
    points = points.T if points.shape in ((2, POINTS), (3, POINTS)) else points
    if points.shape not in ((POINTS, 2), (POINTS, 3)) or not np.isfinite(points).all():
        raise DatasetError(f"{path}: not {POINTS} points")
    return points[:, :2]


def _matlab(path: Path) -> NDArray[np.float64]:
    """The first variable that can be 68 points, whatever it is called."""
    from scipy.io import loadmat

    check_regular(path, limit=TEXT_BYTES)
    for value in loadmat(path).values():
        if isinstance(value, np.ndarray) and value.ndim == 2 and POINTS in value.shape:
            return value.astype(np.float64)
    raise ValueError(f"no variable has {POINTS} points")


def _pts(path: Path) -> NDArray[np.float64]:
    text = read_bytes(path).decode("ascii")
    rows = text[text.index("{") + 1 : text.index("}")].splitlines()
    return np.array([row.split() for row in rows if row.strip()], np.float64)


def _torch7(path: Path) -> NDArray[np.float64]:
    """A matrix as `torch.save` of Torch 7 writes it: sizes, strides, offset, then its storage."""
    content = read_bytes(path)
    name, at = _class_name(content, 0)
    kind = name.removeprefix("torch.").removesuffix("Tensor")
    (axes,) = struct.unpack_from("<i", content, at)
    if axes != 2 or kind not in _TYPES:
        raise ValueError(f"{name} with {axes} axes, not a matrix of numbers")
    height, width, down, across, first = struct.unpack_from("<5q", content, at + 4)
    stored, at = _class_name(content, at + 4 + 5 * 8)
    (count,) = struct.unpack_from("<q", content, at)
    if stored != f"torch.{kind}Storage" or not 0 < height * width <= count:
        raise ValueError(f"{name} of {height}x{width} in a {stored} of {count}")
    values: NDArray[np.float64] = np.frombuffer(content, _TYPES[kind], count, at + 8).astype(float)
    rows, columns = np.arange(height)[:, None] * down, np.arange(width)[None] * across
    # Offsets count from 1, as all of Lua does.
    matrix: NDArray[np.float64] = values[first - 1 + rows + columns]
    return matrix


def _class_name(content: bytes, at: int) -> tuple[str, int]:
    """The class of the object at `at`, and where what it holds begins."""
    tag, _, length = struct.unpack_from("<3i", content, at)
    at += 12
    version = content[at : at + length]
    if tag != _TORCH or length < 0 or not version.startswith(b"V "):
        raise ValueError("not a binary file of Torch 7 with a tensor")
    at += length
    (length,) = struct.unpack_from("<i", content, at)
    return content[at + 4 : at + 4 + length].decode("ascii"), at + 4 + length
