"""A gallery seen as the probe is: reduced to its width, restored by its upscaler, embedded."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from data.images.rgb import RGB
from pipeline.identity.cohorts import Likeness, View
from pipeline.identity.embedders.base import FaceEmbedder
from pipeline.identity.embedders.loading import find_embedder
from pipeline.identity.embedding import Embedding, Face, load_embedder
from pipeline.identity.faces_of_people import with_landmarks
from pipeline.identity.gallery import Gallery
from pipeline.identity.identifier import upscaler_digest
from pipeline.identity.labelled import Degradation, far_away

__all__ = ["Upscale", "embed_enlarged", "seen_people", "views_of"]

Upscale = Callable[[Sequence[RGB]], list[RGB]]
DRAWS: Final = 2
"""Times that each image is seen from far away, at slightly different places."""
_BATCH: Final = 64
_CLEAN: Final[Degradation] = "clean"


@functools.lru_cache(maxsize=8)
def views_of(gallery: Gallery, upscaler: str, cohorts: Likeness) -> Mapping[View, Embedding]:
    """The gallery in each view of `upscaler` that has a cohort; empty where there is none.

    A gallery of 100 people takes 20 seconds of one core, once for each gallery in memory; with
    `gallery.cache`, once for each user.
    """
    wanted = [view for view in cohorts.views if view.upscaler == upscaler]
    if not wanted or not gallery.faces:
        return {}
    return {view: _kept_or_made(gallery, view) for view in wanted}


def _kept_or_made(gallery: Gallery, view: View) -> Embedding:
    key = f"{_faces_digest(gallery)} {view.width} {view.upscaler} {upscaler_digest(view.upscaler)}"
    cache = gallery.cache
    rows = None if cache is None else cache.find_rows(key, len(gallery.people))
    if rows is None:
        from pipeline.upscalers.loading import load_upscaler

        upscale = load_upscaler(view.upscaler, device="cpu", threads=1)
        embedder = find_embedder(gallery.embedder)
        rows = seen_people(gallery.faces, upscale, view.width, embedder)
        if cache is not None:
            cache.keep_rows(key, rows)
    return rows


def _faces_digest(gallery: Gallery) -> str:
    """Of the pixels, boxes and landmarks of every person's images."""
    digest = hashlib.sha256()
    for faces in gallery.faces:
        for face in faces:
            digest.update(repr((face.rgb.shape, face.box, face.landmarks)).encode())
            digest.update(face.rgb.tobytes())
        digest.update(b"next person")
    return digest.hexdigest()


def seen_people(
    people: Sequence[Sequence[Face]],
    upscale: Upscale,
    width: float,
    embedder: FaceEmbedder | None = None,
    *,
    seed: int = 0,
) -> Embedding:
    """Row `i` is the mean of the faces of `people[i]` as an image of `width` pixels shows them.

    Returns `(n, 128)` of dlib's network. Raises `ValueError` for a person without a face.
    """
    todo = [(row, face, draw) for row, faces in enumerate(people) for face in faces
            for draw in range(DRAWS)]  # fmt: skip
    rows: list[list[Embedding]] = [[] for _ in people]
    for start in range(0, len(todo), _BATCH):
        part = todo[start : start + _BATCH]
        small = [
            far_away(face, width, _CLEAN, np.random.default_rng([seed, start + i, round(width)]))
            for i, (_, face, _) in enumerate(part)
        ]
        found = embed_enlarged(small, upscale, embedder)
        for (row, _, _), embedding in zip(part, found, strict=True):
            rows[row].append(embedding)
    if not all(rows):
        raise ValueError("a person without a face")
    return np.asarray([np.mean(one, axis=0) for one in rows], np.float32)


def embed_enlarged(
    faces: Sequence[Face], upscale: Upscale, embedder: FaceEmbedder | None = None
) -> Embedding:
    """Enlarge small faces and embed them (by dlib's), as `identify` does with faces it found."""
    large = upscale([face.rgb for face in faces])
    restored = [
        face.on(rgb, scale=(rgb.shape[0] / face.rgb.shape[0],) * 2)
        for face, rgb in zip(faces, large, strict=True)
    ]
    larger = [new.rgb is not old.rgb for new, old in zip(restored, faces, strict=True)]
    return (embedder or load_embedder()).faces(with_landmarks(restored), restored=larger)
