"""Who a face is closest to: dlib's 128 numbers per face, a gallery of people, and a verdict.

A verdict needs a threshold calibrated for the face's size and the upscaler (`calibration.py`);
without one there is none. Restored pictures are not evidence of identity.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from data.boxes import Box
from data.errors import ImageError, SrPipelineError, UsageError
from data.images.rgb import RGB
from pipeline.identity.thresholds import Calibration
from pipeline.identity.verification import Verification, verification

__all__ = [
    "Embedder",
    "Gallery",
    "Identifier",
    "IdentityResult",
    "Match",
    "Skipped",
    "Verification",
    "load_embedder",
    "verification",
]

Embedding = NDArray[np.float32]
SIZE: Final = 128


@dataclass(frozen=True)
class Embedder:
    """`face_recognition.face_encodings(rgb, [box], model="small")` without that package.

    Make one with `load_embedder()`; the networks stay in this process and are not pickled.
    """

    landmarks: Callable[..., Any]
    network: Any
    rectangle: Callable[..., Any]
    chip: Callable[..., Any]

    def embed(self, rgb: RGB, box: Box) -> Embedding:
        """The face at `box` (pixels of `rgb`) as `(128,)`; Euclidean distances compare faces.

        The sides are rounded to whole pixels. Raises `ValueError` for a box without area.
        """
        points = self._points(rgb, box)
        return np.asarray(self.network.compute_face_descriptor(rgb, points), dtype=np.float32)

    def embed_each(self, pictures: Sequence[RGB], box: Box) -> Embedding:
        """What `embed` gives for the same box in each of `pictures`, `(N, 128)`.

        dlib's network is run by torch here: equal within 1e-5, and ten times as fast.
        """
        from pipeline.identity.dlib_in_torch import embed_chips

        return embed_chips([self.chip(rgb, self._points(rgb, box)) for rgb in pictures])

    def _points(self, rgb: RGB, box: Box) -> Any:  # noqa: ANN401 - dlib is untyped
        if box.area == 0:
            raise ValueError(f"a box without area has no face: {box}")
        sides = (round(side) for side in (box.left, box.top, box.right, box.bottom))
        return self.landmarks(rgb, self.rectangle(*sides))


@functools.lru_cache(maxsize=1)
def load_embedder() -> Embedder:
    """Load dlib's landmark predictor and network once per process; raises `ModelError`."""
    from pipeline.environment.dlib_models import import_dlib, model_file

    dlib = import_dlib()
    return Embedder(
        dlib.shape_predictor(str(model_file("landmarks5"))),
        dlib.face_recognition_model_v1(str(model_file("embedding"))),
        dlib.rectangle,
        dlib.get_face_chip,
    )


@dataclass(frozen=True, slots=True)
class Match:
    """The person of the gallery whose picture is closest, and how far it is."""

    identity: str
    distance: float


@dataclass(frozen=True, slots=True)
class Skipped:
    """A picture that is not in the gallery, and why."""

    path: Path
    reason: str


@dataclass(frozen=True, eq=False)
class Gallery:
    """Known people: row `i` of `embeddings` (n, 128) is a picture of `identities[i]`."""

    identities: tuple[str, ...]
    embeddings: Embedding
    skipped: tuple[Skipped, ...] = ()

    def __post_init__(self) -> None:
        if not self.identities or self.embeddings.shape != (len(self.identities), SIZE):
            raise ValueError(
                f"{len(self.identities)} identities, embeddings {self.embeddings.shape}"
            )

    @classmethod
    def from_folder(
        cls, folder: Path, progress: Callable[[int, int], object] | None = None
    ) -> Gallery:
        """One folder per person, named after the person, with pictures at any depth.

        The largest face of each picture is taken (dlib hog, passes chosen from the size). What
        has no face, cannot be read or lies in no person's folder is listed in `skipped`. Raises
        `UsageError` when nothing is left. `progress(done, all)` is called after each picture.
        """
        if not folder.is_dir():
            raise UsageError(f"{folder}: the gallery is a folder with one folder per person")
        found: list[tuple[str, Embedding]] = []
        skipped: list[Skipped] = []
        pictures = list(_pictures(folder))
        for done, path in enumerate(pictures, start=1):
            person = path.relative_to(folder).parts[0]
            try:
                if path.parent == folder:
                    raise ImageError("not in the folder of a person")
                found.append((person, _largest_face(path)))
            except SrPipelineError as error:
                skipped.append(Skipped(path, str(error)))
            if progress is not None:
                progress(done, len(pictures))
        if not found:
            why = f"; the first: {skipped[0].path.name}: {skipped[0].reason}" if skipped else ""
            raise UsageError(f"{folder}: no face in {len(pictures)} gallery pictures{why}")
        people, embeddings = zip(*found, strict=True)
        return cls(people, np.stack(embeddings), tuple(skipped))

    @property
    def people(self) -> tuple[str, ...]:
        """Each person once, sorted."""
        return tuple(sorted(set(self.identities)))

    def closest(self, embedding: Embedding) -> Match:
        """The person with the closest picture; of equal ones the first."""
        distances = np.linalg.norm(self.embeddings - embedding, axis=1)
        best = int(distances.argmin())
        return Match(self.identities[best], float(distances[best]))


@dataclass(frozen=True, slots=True)
class IdentityResult:
    """Closest person of the gallery and whether that is close enough to say so."""

    identity: str
    distance: float
    threshold: float | None
    """None where this size and upscaler are not calibrated."""
    accepted: bool | None
    """None where there is no threshold: no verdict, never a yes."""
    note: str = ""
    """Why there is no threshold."""


@dataclass(frozen=True)
class Identifier:
    """Names faces; pickles small, and loads its networks in the process that calls it.

    `far` is the share of comparisons with a stranger's picture that are accepted; a gallery of
    many people makes as many comparisons per face.
    """

    gallery: Gallery
    calibration: Calibration = field(repr=False)
    upscaler: str
    far: float = 0.01

    def describe(self) -> dict[str, object]:
        """What verdicts depend on, JSON-ready."""
        digest = hashlib.sha256(self.gallery.embeddings.tobytes())
        digest.update("\n".join(self.gallery.identities).encode())
        table = hashlib.sha256(self.calibration.as_json().encode())
        return {
            "people": len(self.gallery.people),
            "pictures": len(self.gallery.identities),
            "gallery_sha256": digest.hexdigest()[:16],
            "calibration_sha256": table.hexdigest()[:16],
            "far": self.far,
        }

    def __call__(self, rgb: RGB, box: Box, face_px: float) -> IdentityResult:
        """Identify the face at `box` of the enlarged picture `rgb`.

        `face_px` is the width of the face in pixels of the picture before it was enlarged.
        """
        match = self.gallery.closest(load_embedder().embed(rgb, box))
        found = self.calibration.threshold(self.upscaler, face_px, far=self.far)
        accepted = None if found.value is None else match.distance <= found.value
        return IdentityResult(match.identity, match.distance, found.value, accepted, found.note)


def _pictures(folder: Path) -> Iterator[Path]:
    from data.images.files import IMAGE_SUFFIXES

    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file():
            yield path


def _largest_face(path: Path) -> Embedding:
    from data.images.files import load_rgb

    rgb = load_rgb(path)
    boxes = _faces(rgb)
    if not boxes:
        raise ImageError("no face found")
    return load_embedder().embed(rgb, max(boxes, key=lambda box: box.area))


def _faces(rgb: RGB) -> Sequence[Box]:
    from pipeline.detection.passes import auto_passes
    from pipeline.detection.registry import load_detector

    passes = auto_passes(rgb.shape[1], rgb.shape[0])
    return [face.box for face in load_detector("hog")(rgb, passes)]
