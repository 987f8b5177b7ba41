"""Faces with their ground truth, restored plain and mirrored: what a sigma is fitted and tried on.

Training faces come from prepared sets, each degraded once: half by the camera chain, half by one of
the degraded sets. Faces of a split of LFW are degraded by every set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from data.images.rgb import RGB
from gflmser.camera.sets import SETS
from gflmser.degradation import photographed
from gflmser.training.sampler import CachedFaces
from pipeline.upscalers.base import Upscaler

__all__ = ["Degraded", "Triple", "degraded", "drawn", "of_split", "restored"]

_SCALE: Final = 4
_CROPS: Final = (0.45, 1.0)
_SIDES: Final = (16, 24, 16, 24, 16, 32)
"""Sides of LR in turns; 16 where the image is too small for more."""


@dataclass(frozen=True, slots=True)
class Degraded:
    """A face before restoration."""

    kind: str
    """The degraded set, or `chain`."""
    crop: float
    """Share of the image that is seen."""
    hr: RGB
    lr: RGB


@dataclass(frozen=True, slots=True)
class Triple:
    """A face and its restorations, `(4S, 4S, 3)` each; `lr` is `(S, S, 3)`."""

    kind: str
    crop: float
    hr: RGB
    lr: RGB
    sr: RGB
    mirrored: RGB
    """The restoration of the mirrored LR, mirrored back."""


def degraded(
    image: RGB, *, kind: str, crop: float, seed: Sequence[int], side: int = 16
) -> Degraded:
    """The central `crop` of a square image as HR of `4 * side` px, and its LR by `kind`."""
    edge = max(1, round(len(image) * crop))
    start = (len(image) - edge) // 2
    part = Image.fromarray(image[start : start + edge, start : start + edge])
    hr = part.resize((_SCALE * side, _SCALE * side), Image.Resampling.BICUBIC)
    rng = np.random.default_rng(list(seed))
    if kind == "chain":
        scene, lr = photographed(hr, side, int(rng.integers(2**31)))
    else:
        scene, lr = SETS[kind](hr, side, rng)
    return Degraded(kind, crop, scene, lr)


def drawn(folders: Sequence[Path], count: int, *, seed: int) -> list[Degraded]:
    """`count` training faces of prepared sets, each degraded once."""
    faces = [CachedFaces(folder) for folder in folders]
    made = []
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        chosen = faces[int(rng.integers(len(faces)))]
        image = np.array(chosen.images[chosen.rows[int(rng.integers(len(chosen)))]])
        crop = float(rng.uniform(*_CROPS))
        side = _SIDES[number // 2 % len(_SIDES)]
        if len(image) * crop < side * _SCALE:
            side = 16
        kind = "chain" if number % 2 else str(rng.choice(list(SETS)))
        if rng.random() < 0.5:
            image = image[:, ::-1]
        seeds = (seed, number, 1)
        made.append(degraded(image, kind=kind, crop=crop, seed=seeds, side=side))
    return made


def of_split(
    images: Sequence[RGB], count: int, *, crop: float, side: int, seed: int
) -> list[Degraded]:
    """The first `count` square images by every degraded set."""
    return [
        degraded(image, kind=kind, crop=crop, seed=(seed, number), side=side)
        for kind in SETS
        for number, image in enumerate(images[:count])
    ]


def restored(faces: Sequence[Degraded], upscaler: Upscaler) -> list[Triple]:
    """Each face restored as it is and mirrored."""
    lr = [face.lr for face in faces]
    straight = upscaler(lr)
    back = upscaler([np.ascontiguousarray(one[:, ::-1]) for one in lr])
    return [
        Triple(face.kind, face.crop, face.hr, face.lr, one, np.ascontiguousarray(other[:, ::-1]))
        for face, one, other in zip(faces, straight, back, strict=True)
    ]
