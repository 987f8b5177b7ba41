"""What `detect` adds to a found face: its embedding, how degraded it is, and perhaps a name."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from data.boxes import Box
from data.images.rgb import RGB
from pipeline.engine.journal import Row
from pipeline.jobs.face_rows import UNTOUCHED, FaceRow

if TYPE_CHECKING:
    from pipeline.detection.base import Landmarks
    from pipeline.identity.embedding import Embedding
    from pipeline.identity.identifier import Identifier, IdentityResult

__all__ = ["Seen", "as_text", "from_text", "look_at", "with_answer"]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A face as it is embedded, and as it was before anything was done to it."""

    rgb: RGB
    """The image, restored where it was."""
    box: Box
    """The face in pixels of `rgb`."""
    landmarks: Landmarks | None
    """Its landmarks in pixels of `rgb`; see `Detection.landmarks`."""
    native: RGB
    """The image that the user gave, or a part of it."""
    native_box: Box
    """The face in pixels of `native`."""


def look_at(
    faces: Sequence[Seen],
    rows: Sequence[FaceRow],
    *,
    identifier: Identifier | None,
    tracks: bool = False,
    given_track: str | None = None,
) -> tuple[list[FaceRow], list[Row]]:
    """Embed the faces of one image and name them, unless their tracks will be named.

    Returns the rows and, for each, what the journal keeps besides: the embedding as text.
    """
    from pipeline.identity.embedders.loading import DLIB, find_embedder
    from pipeline.identity.embedding import Face
    from pipeline.identity.faces_of_people import with_landmarks
    from pipeline.identity.identifier import Probe
    from pipeline.identity.quality import looks

    found = [Face(one.rgb, _with_area(one.box), one.landmarks) for one in faces]
    embedder = find_embedder(DLIB if identifier is None else identifier.gallery.embedder)
    restored = [row.upscaler is not None for row in rows]
    embeddings = embedder.faces(with_landmarks(found), restored=restored)
    made: list[FaceRow] = []
    for row, face, embedding in zip(rows, faces, embeddings, strict=True):
        bucket = looks(face.native, face.native_box).bucket
        looked = replace(row, degradation=bucket)
        if identifier is not None and not tracks:
            probe = Probe(embedding, face.native_box.width, bucket)
            answer = identifier(probe, row.upscaler or UNTOUCHED)
            looked = with_answer(looked, answer, fpir=identifier.fpir)
        made.append(looked)
    if not tracks:
        return made, [{} for _ in made]
    return made, [{"embedding": as_text(one), "given_track": given_track} for one in embeddings]


def with_answer(row: FaceRow, answer: IdentityResult, *, fpir: float) -> FaceRow:
    """Return the row with the closest person and, where it is given, the name.

    `fpir` is the share of strangers who get some name at the answer's threshold.
    """
    return replace(row, **answer_cells(answer, fpir=fpir), frames=1)


def answer_cells(answer: IdentityResult, *, fpir: float) -> dict[str, Any]:
    """The columns of an answer, alike for a face and a track; `fpir` as for `with_answer`."""
    return {
        "identity": answer.identity,
        "distance": round(answer.distance, 6),
        "threshold": answer.threshold,
        "accepted": answer.accepted,
        "name": answer.name,
        "similarity": round(answer.similarity, 4),
        "margin": None if answer.margin is None else round(answer.margin, 4),
        "reason": answer.reason,
        "fpir": None if answer.threshold is None else fpir,
    }


def as_text(embedding: Embedding) -> str:
    """An embedding as 320 letters; half precision moves distances by less than 0.001."""
    return base64.b85encode(embedding.astype(np.float16).tobytes()).decode()


def from_text(text: str) -> Embedding:
    """Read back what `as_text` wrote, `(128,)` float32."""
    return np.frombuffer(base64.b85decode(text), np.float16).astype(np.float32)


def _with_area(box: Box) -> Box:
    """At least a pixel a side: a flat box has no face, and no embedding either."""
    width, height = max(box.width, 1.0), max(box.height, 1.0)
    return Box(box.left, box.top, box.left + width, box.top + height)
