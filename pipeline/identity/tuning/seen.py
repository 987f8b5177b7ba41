"""How a training face looks to `identify`: small, degraded, restored, cut out by its landmarks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from data.images.rgb import RGB
from gflmser.camera import Camera, Draws, photograph
from gflmser.camera.sets import DegradedSet
from pipeline.identity.alignment import TEMPLATE, chip_at_landmarks, similarity
from pipeline.identity.views import Upscale

__all__ = ["Looks", "chips_of", "enlarged", "face_width", "small_faces"]

Landmarks = NDArray[np.float64]
"""`(5, 2)`, in pixels, in the order of `alignment.TEMPLATE`."""
_FACE_IN_CHIP: Final = 105.0
"""Width of CenterFace's box in pixels of a chip."""
_SCALE: Final = 4
_REAL: Final = Camera(
    isotropic=(0.5, 5.0), anisotropic=(0.5, 4.5), motion=(2.0, 9.0), defocus=(1.0, 4.0),
    blur_shares=(0.26, 0.14, 0.06, 0.04), own_grid=0.6, noise=0.65, jpeg=0.55, again=0.2,
)  # fmt: skip
"""As in `gflmser/configs/real.toml`."""


@dataclass(frozen=True, slots=True)
class Looks:
    """Shares and ranges of what happens to a face."""

    sides: tuple[int, ...] = (12, 16, 20, 26, 32)
    """Sides of LR in pixels, one for a batch."""
    side_shares: tuple[float, ...] = (0.14, 0.45, 0.15, 0.20, 0.06)
    context: tuple[float, float] = (1.3, 2.0)
    """Side of LR in face widths."""
    clean: float = 0.4
    camera: float = 0.2
    """Share of the camera chain; the rest has noise, blur, JPEG, H.264 or a mixture."""
    kinds: tuple[float, ...] = (0.28, 0.22, 0.25, 0.18, 0.07)
    """Of that rest: shares of noise, blur, JPEG, their mixture, and H.264, which needs PyAV."""
    jitter: float = 0.4
    """Deviation of the landmarks in LR pixels: CenterFace's error on restored faces."""
    photos: Camera = _REAL

    def without_video(self) -> Looks:
        """The same without H.264; other kinds take its share, or JPEG in the camera chain."""
        left = self.kinds[:-1]
        kinds = (*(share / sum(left) for share in left), 0.0)
        return replace(self, kinds=kinds, photos=replace(self.photos, video=0.0))


def small_faces(
    faces: Sequence[tuple[RGB, Landmarks]], side: int, looks: Looks, seed: Sequence[int]
) -> list[tuple[RGB, Landmarks]]:
    """LR `(side, side, 3)` of each face, and its landmarks in LR pixels, jittered.

    Face `i` depends on (seed, i) alone.
    """
    made = [
        _small(rgb, marks, side, looks, np.random.default_rng([*seed, i]))
        for i, (rgb, marks) in enumerate(faces)
    ]
    rows = [i for i, (_, _, large) in enumerate(made) if large is not None]
    if rows:
        stack = np.stack([np.asarray(made[i][2]) for i in rows])
        scene = torch.from_numpy(stack).permute(0, 3, 1, 2).float() / 255
        _, low = photograph(scene, Draws([(*seed, i, 1) for i in rows]), looks.photos, side=side)
        photos = (low * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
        for i, photo in zip(rows, photos, strict=True):
            made[i] = np.ascontiguousarray(photo), made[i][1], None
    return [(lr, marks) for lr, marks, _ in made]


def chips_of(small: Sequence[tuple[RGB, Landmarks]], upscale: Upscale) -> NDArray[np.uint8]:
    """Restore the faces and cut them out upright, `(N, 150, 150, 3)`."""
    return np.stack(
        [
            chip_at_landmarks(rgb, [(float(x), float(y)) for x, y in marks])
            for rgb, marks in enlarged(small, upscale)
        ]
    )


def enlarged(
    small: Sequence[tuple[RGB, Landmarks]], upscale: Upscale
) -> list[tuple[RGB, Landmarks]]:
    """Restore the faces; the landmarks are in pixels of the large images."""
    large = upscale([lr for lr, _ in small])
    return [
        (rgb, (marks + 0.5) * (rgb.shape[0] / lr.shape[0]) - 0.5)
        for rgb, (lr, marks) in zip(large, small, strict=True)
    ]


def face_width(marks: Landmarks) -> float:
    """How wide CenterFace's box of a face with these landmarks is, about, in their pixels."""
    transform = similarity([(float(x), float(y)) for x, y in marks], TEMPLATE)
    return _FACE_IN_CHIP / float(np.sqrt(abs(np.linalg.det(transform[:, :2]))))


def _small(
    rgb: RGB, marks: Landmarks, side: int, looks: Looks, rng: np.random.Generator
) -> tuple[RGB, Landmarks, Image.Image | None]:
    """LR and landmarks; for the camera chain the large square too, and LR is to be replaced."""
    if rng.random() < 0.5:
        rgb, marks = _mirrored(rgb, marks)
    square, marks = _cut(rgb, marks, side, looks, rng)
    chance = rng.random()
    marks = marks + rng.normal(0, looks.jitter, marks.shape)
    if looks.clean <= chance < looks.clean + looks.camera:
        size = (_SCALE * side, _SCALE * side)
        return rgb, marks, square.resize(size, Image.Resampling.BICUBIC)
    degrade = DegradedSet() if chance < looks.clean else _drawn(rng, looks)
    return degrade(square, side, rng)[1], marks, None


def _drawn(rng: np.random.Generator, looks: Looks) -> DegradedSet:
    kind = int(rng.choice(5, p=looks.kinds))
    blur, noise = float(rng.uniform(0.3, 1.3)), float(rng.uniform(2, 13))
    quality = int(rng.integers(30, 90))
    return (
        DegradedSet(noise=noise),
        DegradedSet(blur=blur),
        DegradedSet(jpeg=quality),
        DegradedSet(blur=0.8 * blur, noise=0.7 * noise, jpeg=quality),
        DegradedSet(h264=int(rng.integers(26, 38))),
    )[kind]


def _mirrored(rgb: RGB, marks: Landmarks) -> tuple[RGB, Landmarks]:
    """The mirror image: left and right of the landmarks change places."""
    turned = marks[[1, 0, 2, 4, 3]].copy()
    turned[:, 0] = rgb.shape[1] - 1 - turned[:, 0]
    return np.ascontiguousarray(rgb[:, ::-1]), turned


def _cut(
    rgb: RGB, marks: Landmarks, side: int, looks: Looks, rng: np.random.Generator
) -> tuple[Image.Image, Landmarks]:
    """A square of HR around the face, at least as large as LR, and the landmarks in LR pixels."""
    width = face_width(marks)
    edge = max(8, round(width * float(rng.uniform(*looks.context))))
    left, top = (np.rint(marks.mean(0) - edge / 2 + rng.normal(0, 0.04 * width, 2))).astype(int)
    pad = max(0, -left, -top, left + edge - rgb.shape[1], top + edge - rgb.shape[0])
    wide = np.pad(rgb, ((pad, pad), (pad, pad), (0, 0)), mode="edge")
    cut = wide[top + pad : top + pad + edge, left + pad : left + pad + edge]
    placed = (marks - [left, top] + 0.5) * side / edge - 0.5
    return Image.fromarray(np.ascontiguousarray(cut)), placed
