"""Images prepared once as one memory-mapped uint8 array, so that training never waits for JPEG.

A cache is a folder with these files:

- `images.npy`: `(N, side, side, 3)`
- `index.csv`: image, identity, sha256, in the same order
- `cache.json`: name, count, side, hash of the sources, `test_only` where it is true
- `excluded.csv`: image, nearest, distance; written by `data.leakage`

Caches belong outside the
repository.
"""

from __future__ import annotations

import csv
import errno
import hashlib
import json
import math
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data.atomic import PART_PREFIX
from data.boxes import Box
from data.images.files import open_image

FILES: Final = ("images.npy", "index.csv", "cache.json", "excluded.csv")
"""What a cache is made of."""
_SPARE: Final = 1 << 20
"""Bytes for the tables beside the array."""
BROKEN: Final = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)
"""What reading and decoding a damaged image raises."""


@dataclass(frozen=True, slots=True)
class DatasetImage:
    """One image of a dataset: where its bytes are and who is on it."""

    key: str
    """Unique within the dataset; a POSIX path relative to its root where it is a file."""
    identity: str
    """Empty where the dataset does not say."""
    read: Callable[[], bytes]
    """The encoded image (JPEG, PNG, ...)."""
    box: Box | None = None
    """The face to cut out, as far as it lies in the image; None for the whole image."""


@dataclass(frozen=True, slots=True)
class CacheReport:
    """What `build` did."""

    written: int
    unreadable: tuple[str, ...]
    digest: str
    """SHA-256 over the keys and the SHA-256 of every image, in order."""


def build(
    images: Sequence[DatasetImage],
    out: Path,
    *,
    name: str,
    side: int,
    anchor: float = 0.5,
    test_only: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> CacheReport:
    """Write the cache of `images` into `out`; unreadable ones are left out and reported.

    An image becomes the largest square in it, centred across and placed down its height by
    `anchor` (0 top, 1 bottom). It is resized to `side` with antialiased bicubic.
    `test_only` marks the cache as one that is never to be trained on.
    """
    out.mkdir(parents=True, exist_ok=True)
    partial = out / f"{PART_PREFIX}{secrets.token_hex(8)}.npy"
    rows: list[tuple[str, str, str]] = []
    unreadable: list[str] = []
    try:
        made = _reserved(partial, (len(images), side, side, 3))
        for done, image in enumerate(images, 1):
            try:
                encoded = image.read()
                array = square(encoded, side, anchor, image.box)
            except BROKEN:
                unreadable.append(image.key)
                continue
            made[len(rows)] = array
            rows.append((image.key, image.identity, hashlib.sha256(encoded).hexdigest()))
            if progress is not None:
                progress(done, len(images))
        made.flush()
        del made
        _finish(partial, out / "images.npy", len(rows))
    finally:
        partial.unlink(missing_ok=True)
    digest = hashlib.sha256("".join(f"{k} {h}\n" for k, _, h in rows).encode()).hexdigest()
    _write_csv(out / "index.csv", ("image", "identity", "sha256"), rows)
    meta = {"name": name, "count": len(rows), "side": side, "anchor": anchor, "sources": digest}
    # Absent otherwise: what is written for a training set stays what it was.
    meta |= {"test_only": True} if test_only else {}
    (out / "cache.json").write_text(json.dumps(meta, indent=2) + "\n", "utf-8")
    return CacheReport(len(rows), tuple(unreadable), digest)


def _reserved(path: Path, shape: tuple[int, ...]) -> np.memmap[tuple[int, ...], np.dtype[np.uint8]]:
    """A new mapped array whose room on the disk is taken; raises OSError where there is none.

    Writing to a mapped file that the disk has no room for would be a bus error.
    """
    size, free = math.prod(shape), shutil.disk_usage(path.parent).free
    if size + _SPARE > free:
        raise OSError(errno.ENOSPC, f"needs {size >> 20} MiB, {free >> 20} are free", str(path))
    images = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    if hasattr(os, "posix_fallocate"):  # not on macOS
        with path.open("r+b") as file:
            try:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
            except OSError as error:
                raise OSError(error.errno, error.strerror, str(path)) from error
    return images


def check_unwritten(out: Path, *, overwrite: bool, inputs: Iterable[Path] = ()) -> None:
    """Raise FileExistsError where `build` would replace an input, or a file of an earlier call."""
    there = [out / name for name in FILES if (out / name).exists()]
    for path in inputs:
        if any(path.exists() and path.samefile(file) for file in there):
            raise FileExistsError(errno.EEXIST, "is an input: choose another --out", str(path))
    if there and not overwrite:
        raise FileExistsError(
            errno.EEXIST, "exists: choose another --out, or add --overwrite", str(there[0])
        )


def square(encoded: bytes, side: int, anchor: float, box: Box | None) -> NDArray[np.uint8]:
    """An encoded image as a `(side, side, 3)` array; see `build`.

    Of a box that reaches outside the image the part inside is taken; raises ValueError where
    there is none.
    """
    with open_image(encoded) as opened:
        image = opened.convert("RGB")
    if box is not None:
        image = image.crop(_clipped(box, image.size))
    edge = min(image.size)
    left, top = (image.width - edge) // 2, round((image.height - edge) * anchor)
    if image.size != (edge, edge):
        image = image.crop((left, top, left + edge, top + edge))
    if edge != side:
        image = image.resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(image)


def _clipped(box: Box, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The part of a box that lies in the image, in whole pixels; raises ValueError if empty."""
    left, top, right, bottom = (round(v) for v in astuple(box))
    left, top, right, bottom = max(left, 0), max(top, 0), min(right, size[0]), min(bottom, size[1])
    if right - left < 1 or bottom - top < 1:
        raise ValueError("empty box")
    return left, top, right, bottom


def read_index(cache: Path) -> list[tuple[str, str, str]]:
    """Image, identity and SHA-256 of each row of `images.npy`."""
    with (cache / "index.csv").open(newline="", encoding="utf-8") as file:
        return [(r["image"], r["identity"], r["sha256"]) for r in csv.DictReader(file)]


def write_excluded(cache: Path, rows: Iterable[tuple[str, str, float]]) -> None:
    """Record images that training must leave out: image, nearest test image, distance."""
    lines = ((a, b, f"{d:.4f}") for a, b, d in rows)
    _write_csv(cache / "excluded.csv", ("image", "nearest", "distance"), lines)


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    partial = path.with_suffix(".partial")
    with partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    partial.replace(path)


def _finish(partial: Path, final: Path, count: int) -> None:
    """Cut the array to what was readable; copied only if something was not."""
    images = np.load(partial, mmap_mode="r")
    if len(images) == count:
        partial.replace(final)
        return
    np.save(final, images[:count])
    partial.unlink()
