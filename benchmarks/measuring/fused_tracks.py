"""Simulated tracks: one face in moving, noisy, coded frames; what fusing them is worth.

The scene moves by parts of a pixel with a velocity that changes slowly. Each frame is reduced, gets
white noise and goes through H.264 with the frames before it. Crops are cut in whole pixels at a
place that is wrong by about a third of a pixel, as a detector's is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data.boxes import Box
from data.images.rgb import RGB
from gflmser.camera.video import recorded
from pipeline.identity.embedding import Embedder, Face
from pipeline.metrics.image_quality import psnr_rgb
from pipeline.tracks.merge import View, merge
from pipeline.upscalers.base import Upscaler

VERSION: Final = 2
"""Of `of_person`. Raise it when a figure moves."""
FRAMES: Final = 8
COUNTS: Final = (1, 2, 4, 8)
SIDE: Final = 16
_SCALE: Final = 4
_CROP: Final = 0.55
_FACE: Final = 109 / 250
"""Width of a face in images of LFW."""
_WHOLE: Final = 64
"""Side of a frame in LR pixels."""
_JITTER: Final = 0.3
_REACH: Final = 12.0


@dataclass(frozen=True, slots=True)
class Film:
    """What the camera does: sigma of its noise, H.264's QP (None: not coded), motion in LR px."""

    name: str
    noise: float
    quantiser: int | None
    motion: float = 1.0


FILMS: Final = (Film("h264", 3.0, 34), Film("noise 10", 10.0, None))


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """A crop of one frame and where it lies beside the true face, in LR pixels."""

    crop: RGB
    off: tuple[float, float]


def shots(hr: Image.Image, film: Film, rng: np.random.Generator) -> list[Shot]:
    """`FRAMES` crops `(16, 16, 3)` of the centre of `hr`, a square RGB image."""
    step = hr.width * _CROP / SIDE
    place, velocity = np.zeros(2), rng.normal(0, film.motion, 2)
    frames, places = [], []
    for _ in range(FRAMES):
        low = _seen(hr, place * step, step).astype(np.float64)
        noisy = np.clip(np.rint(low + rng.normal(0, film.noise, low.shape)), 0, 255)
        frames.append(noisy.astype(np.uint8))
        places.append(place.copy())
        velocity = 0.8 * velocity + rng.normal(0, 0.6 * film.motion, 2)
        place = np.clip(place + velocity, -_REACH, _REACH)
    if film.quantiser is not None:
        frames = recorded(frames, film.quantiser)
    return [_cut(frame, at, rng) for frame, at in zip(frames, places, strict=True)]


def truth(hr: Image.Image, shot: Shot) -> RGB:
    """The HR `(64, 64, 3)` of a crop."""
    side = hr.width * _CROP
    left, top = ((hr.width - side) / 2 + off * side / SIDE for off in shot.off)
    box = (left, top, left + side, top + side)
    size = (SIDE * _SCALE, SIDE * _SCALE)
    return np.asarray(hr.resize(size, Image.Resampling.BICUBIC, box=box))


def of_person(
    hr: Image.Image, film: Film, upscaler: Upscaler, embedder: Embedder, seed: Sequence[int]
) -> dict[str, float]:
    """PSNR in dB and distance to HR's embedding by the number of frames fused, JSON-ready.

    `psnr_1` is the last frame alone. `best_N` is the highest PSNR of N single frames, which nobody
    can know. `mean_N` is the distance of the mean of the embeddings of N frames.
    """
    seen = shots(hr, film, np.random.default_rng(list(seed)))
    last = seen[-1]
    target, face = truth(hr, last), face_of(last)
    views = [View(one.crop, face_of(one).scaled(1 / _SCALE, 1 / _SCALE)) for one in seen]
    merged = {n: merge(views[-n:], -1) for n in COUNTS}
    made = upscaler([*(one.crop for one in seen), *(merged[n].rgb for n in COUNTS)])
    singles, fused = made[:FRAMES], dict(zip(COUNTS, made[FRAMES:], strict=True))
    alone = [psnr_rgb(sr, truth(hr, one)) for sr, one in zip(singles, seen, strict=True)]
    faces = [Face(target, face), *(Face(fused[n], face) for n in COUNTS)]
    faces += [Face(sr, face_of(one)) for sr, one in zip(singles, seen, strict=True)]
    embedded = embedder.faces(faces)
    found: dict[str, float] = {}
    for number, n in enumerate(COUNTS, 1):
        found[f"psnr_{n}"] = psnr_rgb(fused[n], target)
        found[f"best_{n}"] = max(alone[-n:])
        found[f"used_{n}"] = merged[n].frames
        found[f"distance_{n}"] = float(np.linalg.norm(embedded[number] - embedded[0]))
        mean = embedded[-n:].mean(0)
        found[f"mean_{n}"] = float(np.linalg.norm(mean - embedded[0]))
    return found


def _seen(hr: Image.Image, shift: NDArray[np.float64], step: float) -> RGB:
    """The scene moved by `shift` HR pixels on `(64, 64, 3)`; what lies outside is mirrored."""
    import cv2

    side = round(_WHOLE * step)
    matrix = np.eye(2, 3)
    matrix[:, 2] = side / 2 - hr.width / 2 + shift
    wide = cv2.warpAffine(
        np.asarray(hr), matrix, (side, side), flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REFLECT_101,
    )  # fmt: skip
    small = Image.fromarray(np.asarray(wide, np.uint8)).resize((_WHOLE, _WHOLE), 3)
    return np.asarray(small)


def _cut(frame: RGB, place: NDArray[np.float64], rng: np.random.Generator) -> Shot:
    corner = (_WHOLE - SIDE) / 2 + place
    left, top = (int(v) for v in np.rint(corner + rng.normal(0, _JITTER, 2)))
    crop = np.ascontiguousarray(frame[top : top + SIDE, left : left + SIDE])
    return Shot(crop, (float(left - corner[0]), float(top - corner[1])))


def face_of(shot: Shot) -> Box:
    """LFW's face in pixels of the restored crop."""
    side, width = SIDE * _SCALE, SIDE * _SCALE * _FACE / _CROP
    first = (side - width) / 2
    dx, dy = (-off * _SCALE for off in shot.off)
    return Box(first, first, first + width, first + width).shifted(dx, dy)
