"""Found faces with their pixels and what the network makes of them, for several images at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.images.rgb import RGB
from pipeline.detection.face_cuts import FaceCut, face_cut
from pipeline.detection.search import FoundFace
from pipeline.uncertainty.sigma import Certainty, Sigma
from pipeline.upscalers.base import Upscaler
from pipeline.upscalers.spread import restore, restore_both, spread_between

PER_TURN: Final = 32
"""Faces that are restored at once: a crowd of thousands must not fill the memory."""


@dataclass(frozen=True, slots=True)
class RestoredFace:
    """A face that was kept, its pixels, and what the network made of them."""

    found: FoundFace
    cut: FaceCut
    restored: RGB | None
    """None for a face that is large enough as it is."""
    scale: int
    spread: NDArray[np.float32] | None
    """Where mirroring the cut changes the restoration, `(kH, kW)` in grey levels."""
    certainty: Certainty | None = None
    """How sure the restoration is; None where that was not calibrated, or no spread was asked."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What was found in one image."""

    found: tuple[FoundFace, ...]
    """Faces that were kept, then candidates that were dropped."""
    first: tuple[RestoredFace, ...]
    """The kept faces, restored with those of other images; empty where they were too many."""

    @property
    def kept(self) -> tuple[FoundFace, ...]:
        """The faces."""
        return tuple(one for one in self.found if not one.dropped)


def sights(
    images: Sequence[RGB],
    found: Sequence[Sequence[FoundFace]],
    upscaler: Upscaler,
    below: int,
    *,
    spread: float,
    sigma: Sigma | None = None,
) -> list[Sight]:
    """What was found in each image, with the faces of as many images as one turn takes restored."""
    plain = [Sight(tuple(one), ()) for one in found]
    shared: list[int] = []
    room = PER_TURN
    for index, sight in enumerate(plain):
        if len(sight.kept) <= room:
            shared.append(index)
            room -= len(sight.kept)
    pairs = [(images[index], one) for index in shared for one in plain[index].kept]
    restored = iter(restore_faces(pairs, upscaler, below, spread=spread, sigma=sigma))
    for index in shared:
        first = tuple(next(restored) for _ in plain[index].kept)
        plain[index] = Sight(plain[index].found, first)
    return plain


def restore_faces(
    faces: Sequence[tuple[RGB, FoundFace]],
    upscaler: Upscaler,
    below: int,
    *,
    spread: float,
    sigma: Sigma | None = None,
) -> list[RestoredFace]:
    """Cut each face out of its image; those with a side below `below` px are restored together.

    Their spread takes a second pass of the upscaler: it is None unless the face is narrower than
    `spread` px. With it comes the `certainty` that `sigma`, the upscaler's own, gives.
    """
    cuts = [face_cut(rgb, one.box, one.landmarks) for rgb, one in faces]
    made = [
        RestoredFace(one, cut, None, 1, None) for (_, one), cut in zip(faces, cuts, strict=True)
    ]
    small = [i for i, cut in enumerate(cuts) if min(cut.rgb.shape[:2]) < below]
    twice = [i for i in small if cuts[i].face.width < spread]
    once = [i for i in small if cuts[i].face.width >= spread]
    for i, (restored, _) in zip(
        once, restore(upscaler, [cuts[i].rgb for i in once], spread=False), strict=True
    ):
        made[i] = replace(made[i], restored=restored, scale=upscaler.scale)
    for i, (restored, mirrored) in zip(
        twice, restore_both(upscaler, [cuts[i].rgb for i in twice]), strict=True
    ):
        sure = None if sigma is None else sigma(cuts[i].rgb, restored, mirrored, cuts[i].face.width)
        made[i] = replace(
            made[i],
            restored=restored,
            scale=upscaler.scale,
            spread=spread_between(restored, mirrored),
            certainty=sure,
        )
    return made
