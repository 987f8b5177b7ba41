"""The parameters of a dlib network file, read without dlib."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from data.atomic import whole_file
from data.errors import ModelError

HALVES: Final = ".safetensors"
"""Suffix of what `save_halves` writes."""
_SMALLEST: Final = 32


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


def tensors_of(path: Path) -> list[Tensor]:
    """The parameter tensors of dlib's file, or of one that `save_halves` wrote, float32.

    Raises `OSError` for a missing file, `ModelError` for a broken one of `save_halves`.
    """
    if path.suffix != HALVES:
        return read_tensors(path.read_bytes())
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        stored = load_file(path)
        return [stored[str(place)].float() for place in range(len(stored))]
    except (KeyError, SafetensorError) as error:
        raise ModelError(f"{path} does not hold the tensors of a dlib network: {error}") from error


def save_halves(tensors: Sequence[Tensor], path: Path) -> None:
    """Write the tensors in half precision, 11 MB: for a machine without face_recognition_models.

    Embeddings move by less than 1e-3.
    """
    from safetensors.torch import save_file

    halves = {str(place): one.half().contiguous() for place, one in enumerate(tensors)}
    with whole_file(path) as temporary:
        save_file(halves, temporary)
