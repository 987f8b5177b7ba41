"""Images of anything, reduced four times and restored: the protocols of Table 3."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from PIL import Image

from benchmarks.context import Bench
from benchmarks.image_sets import ImageSet, source_of
from benchmarks.methods import Entrant
from benchmarks.protocols import TILE
from data.images.rgb import RGB
from pipeline.metrics.image_quality import lr_consistency, psnr_rgb, psnr_y, ssim_y
from pipeline.upscalers.base import restore

SCALE: Final = 4
VERSION: Final = 1
"""Of both protocols. Raise it when a figure moves, so that older results are not reused."""


def measure_scenes(
    bench: Bench, entrant: Entrant, images: ImageSet, protocol: str
) -> list[dict[str, Any]]:
    """One row for each readable image, restored whole (`whole`) or in tiles (`tiles`).

    The image is cut at its right and lower edge to whole pixels of LR, or to whole tiles.
    Figures are of the whole image that is left, no border shaved.
    """
    parts = {
        "what": "scenes",
        "version": VERSION,
        "method": entrant.name,
        "weights": entrant.fingerprint,
        "data": images.digest,
        "protocol": protocol,
        **bench.arithmetic,
    }
    restored = {"whole": _whole, "tiles": _tiles}[protocol]

    def compute() -> list[dict[str, Any]]:
        bench.say(f"{images.name}, {protocol}: {entrant.name}")
        upscaler = bench.upscaler(entrant)
        rows = []
        for image in images.images:
            source = source_of(image)
            if source.problem is None:
                enlarge = lambda lr, hr: restore(upscaler, lr, hr)  # noqa: E731
                rows.append({"image": source.key, **restored(source.load(), enlarge)})
        return rows

    found: list[dict[str, Any]] = bench.cache.json(parts, compute)
    return found


Enlarge = Callable[[Sequence[RGB], Sequence[RGB]], list[RGB]]


def whole_pair(image: RGB) -> tuple[RGB, RGB]:
    """HR, cut to whole pixels of LR, and LR of the protocol `whole`."""
    hr = _cut(image, SCALE)
    return hr, _reduced(hr)


def _whole(image: RGB, enlarge: Enlarge) -> dict[str, float]:
    hr, lr = whole_pair(image)
    return _figures(enlarge([lr], [hr])[0], hr, lr)


def _tiles(image: RGB, enlarge: Enlarge) -> dict[str, float]:
    hr = _cut(image, TILE)
    places = [(y, x) for y in range(0, hr.shape[0], TILE) for x in range(0, hr.shape[1], TILE)]
    parts = [np.ascontiguousarray(hr[y : y + TILE, x : x + TILE]) for y, x in places]
    low = [_reduced(part) for part in parts]
    sr, lr = np.empty_like(hr), np.empty_like(hr[::SCALE, ::SCALE])
    for (y, x), made, small in zip(places, enlarge(low, parts), low, strict=True):
        sr[y : y + TILE, x : x + TILE] = made
        lr[y // SCALE :, x // SCALE :][: TILE // SCALE, : TILE // SCALE] = small
    return _figures(sr, hr, lr)


def _figures(sr: RGB, hr: RGB, lr: RGB) -> dict[str, float]:
    return {
        "psnr_rgb": psnr_rgb(sr, hr),
        "psnr_y": psnr_y(sr, hr),
        "ssim": ssim_y(sr, hr),
        "lr_consistency": lr_consistency(sr, lr),
    }


def _cut(image: RGB, multiple: int) -> RGB:
    height, width = (max(1, side // multiple) * multiple for side in image.shape[:2])
    return np.ascontiguousarray(image[:height, :width])


def _reduced(hr: RGB) -> RGB:
    size = (max(1, hr.shape[1] // SCALE), max(1, hr.shape[0] // SCALE))
    return np.array(Image.fromarray(hr).resize(size, Image.Resampling.BICUBIC))
