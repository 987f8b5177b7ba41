"""Pictures prepared once as one memory-mapped uint8 array, so that training never waits for JPEG.

A cache is a folder: `images.npy` `(N, side, side, 3)`, `index.csv` (image, identity, sha256) in the
same order, `cache.json` (name, count, side, hash of the sources) and, once `data.leakage` has run,
`excluded.csv` (image, nearest, distance). Caches belong outside the repository.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of a dataset: where its bytes are and who is on it."""

    key: str
    """Unique within the dataset; a POSIX path relative to its root where it is a file."""
    identity: str
    """Empty where the dataset does not say."""
    read: Callable[[], bytes]
    """The encoded picture (JPEG, PNG, ...)."""
    box: tuple[float, float, float, float] | None = None
    """Left, top, right, bottom of the face to cut out, in pixels; None for the whole picture."""


@dataclass(frozen=True, slots=True)
class CacheReport:
    """What `build` did."""

    written: int
    unreadable: tuple[str, ...]
    digest: str
    """SHA-256 over the keys and the SHA-256 of every picture, in order."""


def build(
    pictures: Sequence[Picture],
    out: Path,
    *,
    name: str,
    side: int,
    anchor: float = 0.5,
    progress: Callable[[int, int], None] | None = None,
) -> CacheReport:
    """Write the cache of `pictures` into `out`; unreadable ones are left out and reported.

    A picture becomes the largest square in it, centred across and placed down its height by
    `anchor` (0 top, 1 bottom), resized to `side` with antialiased bicubic if it is not so already.
    """
    out.mkdir(parents=True, exist_ok=True)
    partial = out / "images.partial.npy"
    images = np.lib.format.open_memmap(
        partial, mode="w+", dtype=np.uint8, shape=(len(pictures), side, side, 3)
    )
    rows: list[tuple[str, str, str]] = []
    unreadable: list[str] = []
    for done, picture in enumerate(pictures, 1):
        try:
            encoded = picture.read()
            array = square(encoded, side, anchor, picture.box)
        except (OSError, UnidentifiedImageError, ValueError):
            unreadable.append(picture.key)
            continue
        images[len(rows)] = array
        rows.append((picture.key, picture.identity, hashlib.sha256(encoded).hexdigest()))
        if progress is not None:
            progress(done, len(pictures))
    images.flush()
    del images
    _finish(partial, out / "images.npy", len(rows))
    digest = hashlib.sha256("".join(f"{k} {h}\n" for k, _, h in rows).encode()).hexdigest()
    _write_csv(out / "index.csv", ("image", "identity", "sha256"), rows)
    meta = {"name": name, "count": len(rows), "side": side, "anchor": anchor, "sources": digest}
    (out / "cache.json").write_text(json.dumps(meta, indent=2) + "\n", "utf-8")
    return CacheReport(len(rows), tuple(unreadable), digest)


def square(
    encoded: bytes, side: int, anchor: float, box: tuple[float, float, float, float] | None
) -> NDArray[np.uint8]:
    """An encoded picture as a `(side, side, 3)` array; see `build`."""
    with Image.open(BytesIO(encoded)) as opened:
        image = opened.convert("RGB")
    if box is not None:
        left, top, right, bottom = (round(v) for v in box)
        if right - left < 1 or bottom - top < 1:
            raise ValueError("empty box")
        image = image.crop((left, top, right, bottom))
    edge = min(image.size)
    left, top = (image.width - edge) // 2, round((image.height - edge) * anchor)
    if image.size != (edge, edge):
        image = image.crop((left, top, left + edge, top + edge))
    if edge != side:
        image = image.resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(image)


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
