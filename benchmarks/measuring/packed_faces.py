"""Prepared sets as WebP images in zip files: small enough to be sent to a GPU machine."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from gflmser.training.sampler import LR, CachedFaces

QUALITY = 55
"""Of WebP: 32-35 dB before the reduction to 64 px, far above what restoring reaches."""


def pack(prepared: Path, out: Path, *, side: int, limit: int | None = None) -> int:
    """Write the usable images of a prepared set, at most `side` wide, as a zip; its bytes.

    Those that `excluded.csv` names are left out: no image of a test person travels. `limit` images
    are spread evenly over the set. Images of LR's size are kept as they are.
    """
    faces = CachedFaces(prepared)
    rows = faces.rows
    if limit is not None and limit < len(rows):
        rows = rows[np.linspace(0, len(rows) - 1, limit).astype(int)]
    out.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as file:
        file.writestr("set.json", json.dumps({**faces.record(), "packed": len(rows)}))
        for number, row in enumerate(rows):
            file.writestr(f"{number}.webp", _encoded(Image.fromarray(faces.images[row]), side))
    return out.stat().st_size


def unpack(packed: Path, out: Path) -> int:
    """Make a prepared set of a zip that `pack` wrote; the number of its images."""
    out.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(packed) as file:
        meta = json.loads(file.read("set.json"))
        encoded = [file.read(f"{number}.webp") for number in range(meta["packed"])]
    with ThreadPoolExecutor() as pool:
        images = np.stack(list(pool.map(_decoded, encoded)))
    np.save(out / "images.npy", images)
    keys = "".join(f"{number}\n" for number in range(len(images)))
    (out / "index.csv").write_text("image\n" + keys, "utf-8")
    meta |= {"side": int(images.shape[1]), "count": len(images)}
    (out / "cache.json").write_text(json.dumps(meta, indent=2) + "\n", "utf-8")
    return len(images)


def total(folders: Iterable[Path]) -> int:
    """Bytes of all files below the folders."""
    return sum(p.stat().st_size for f in folders for p in f.rglob("*") if p.is_file())


def _encoded(image: Image.Image, side: int) -> bytes:
    if image.width > side:
        image = image.resize((side, side), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    image.save(file, "WEBP", quality=QUALITY, method=4, lossless=image.width <= LR)
    return file.getvalue()


def _decoded(encoded: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(encoded)) as image:
        return np.asarray(image.convert("RGB"))
