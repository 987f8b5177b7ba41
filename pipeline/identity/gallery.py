"""Known people: a folder for each, its images checked, embedded, and averaged."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np

from data.errors import ImageError, SrPipelineError, UsageError
from data.regular_files import paths_below
from pipeline.identity.embedders.loading import DLIB, find_embedder
from pipeline.identity.embedding import Embedding, Face
from pipeline.identity.faces_of_people import largest_face, small_copy
from pipeline.identity.gallery_cache import GalleryCache, KnownFace
from pipeline.identity.gate import Checked, check

__all__ = ["Gallery", "KnownImage", "Skipped", "build_gallery"]

MOST: Final = 5
"""Images of a person that are averaged: the widest faces."""
SAME_FACE: Final = 0.35
"""Euclidean distance below which the faces of two people's folders are said to be one."""
_EXACT: Final = 1e-4


@dataclass(frozen=True, slots=True)
class Skipped:
    """An image that is not in the gallery, and why."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class KnownImage:
    """One usable image of a person: its embedding and what the gate saw."""

    path: Path
    person: str
    embedding: Embedding
    checked: Checked
    face: Face
    """A small copy of it, see `faces_of_people.small_copy`."""


@dataclass(frozen=True, eq=False)
class Gallery:
    """Known people: row `i` of `embeddings` is the mean of the images of `people[i]`.

    `poor` people have no image that is good enough: they are compared, and never given as a name.
    Raises `ValueError` when the parts do not fit.
    """

    people: tuple[str, ...]
    embeddings: Embedding
    poor: frozenset[str] = frozenset()
    images: int = 0
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()
    """Warnings of the gate, and people whose faces look like one."""
    faces: tuple[tuple[Face, ...], ...] = field(default=(), repr=False)
    """Small copies of the images of `people[i]`, from which views are made; may be empty."""
    cache: GalleryCache | None = field(default=None, repr=False, compare=False)
    """Where the views of the gallery are kept; None: nowhere."""
    embedder: str = DLIB
    """What embedded it and has to embed the probes: a name, or an ONNX file."""

    def __post_init__(self) -> None:
        if not self.people or len(self.embeddings) != len(self.people):
            raise ValueError(f"{len(self.people)} people, embeddings {self.embeddings.shape}")
        if len(set(self.people)) != len(self.people):
            raise ValueError("a person stands in the gallery twice")

    @classmethod
    def from_folder(
        cls,
        folder: str | Path,
        progress: Callable[[int, int], object] | None = None,
        *,
        accept_poor: bool = False,
        cache: GalleryCache | None = None,
        embedder: str = DLIB,
    ) -> Gallery:
        """One folder per person, named after the person, with images at any depth.

        The largest face of each image is taken. What has no face, cannot be read, or is too poor
        (unless `accept_poor`) is listed in `skipped`. Raises `UsageError` when nothing is left.
        `progress(done, all)` is called after each image. With a `cache`, an image that it holds is
        not embedded again: it has to be that of the same `embedder`.

        Examples:
            >>> Gallery.from_folder("people").people  # doctest: +SKIP
            ('Joe Biden',)
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise UsageError(f"{folder}: the gallery is a folder with one folder per person")
        found: list[KnownImage] = []
        skipped: list[Skipped] = []
        paths = list(_images(folder))
        for done, path in enumerate(paths, start=1):
            try:
                if path.parent == folder:
                    raise ImageError("not in the folder of a person")
                found.append(_known(path, path.relative_to(folder).parts[0], cache, embedder))
            except SrPipelineError as error:
                skipped.append(Skipped(path, str(error)))
            if progress is not None:
                progress(done, len(paths))
        if not found:
            why = f"; the first: {skipped[0].path.name}: {skipped[0].reason}" if skipped else ""
            raise UsageError(f"{folder}: no face in {len(paths)} gallery images{why}")
        made = build_gallery(found, skipped, accept_poor=accept_poor)
        return replace(made, cache=cache, embedder=embedder)

    def describe(self) -> dict[str, object]:
        """What answers depend on, JSON-ready."""
        digest = hashlib.sha256(self.embeddings.tobytes())
        digest.update("\n".join([*self.people, "", *sorted(self.poor)]).encode())
        return {
            "people": len(self.people),
            "pictures": self.images,
            "poor": sorted(self.poor),
            "gallery_sha256": digest.hexdigest()[:16],
            **({} if self.embedder == DLIB else {"embedder": self.embedder}),
        }


def build_gallery(
    found: Sequence[KnownImage], skipped: Sequence[Skipped] = (), *, accept_poor: bool = False
) -> Gallery:
    """Average the images of each person; see `Gallery`. `found` holds at least one image."""
    of_person: dict[str, list[KnownImage]] = defaultdict(list)
    for image in found:
        of_person[image.person].append(image)
    people = tuple(sorted(of_person))
    rows, faces, poor, left_out = [], [], set(), list(skipped)
    for person in people:
        good = [image for image in of_person[person] if accept_poor or not image.checked.refused]
        if not good:
            poor.add(person)
        bad = [image for image in of_person[person] if image not in good]
        left_out += [Skipped(image.path, f"too poor: {image.checked.refused}") for image in bad]
        chosen = sorted(good or bad, key=lambda image: -image.checked.effective_px)[:MOST]
        rows.append(np.mean([image.embedding for image in chosen], axis=0))
        faces.append(tuple(image.face for image in chosen))
    notes = [
        f"{image.path}: {image.checked.warning}" for image in found if image.checked.warning
    ] + list(_duplicates(found))
    embeddings = np.asarray(rows, np.float32)
    return Gallery(
        people,
        embeddings,
        frozenset(poor),
        images=sum(map(len, faces)),
        skipped=tuple(left_out),
        notes=tuple(notes),
        faces=tuple(faces),
    )


def _duplicates(found: Sequence[KnownImage]) -> Iterator[str]:
    """Pairs of people whose folders seem to hold one face, each pair once."""
    told: set[tuple[str, str]] = set()
    stack = np.stack([image.embedding for image in found])
    for number, image in enumerate(found):
        distances = np.linalg.norm(stack[:number] - image.embedding, axis=1)
        near: list[int] = np.flatnonzero(distances < SAME_FACE).tolist()
        for other in (found[index] for index in near):
            pair = tuple(sorted((image.person, other.person)))
            if image.person == other.person or pair in told:
                continue
            told.add((pair[0], pair[1]))
            distance = float(np.linalg.norm(image.embedding - other.embedding))
            what = "the same face" if distance < _EXACT else "faces that look like one"
            yield f"{other.path} and {image.path}: {what} under two names ({distance:.2f})"


def _known(path: Path, person: str, cache: GalleryCache | None, embedder: str) -> KnownImage:
    from data.images.files import load_image

    image = load_image(path)
    known = None if cache is None else cache.find_face(image.stamp.sha256)
    if known is None:
        face = largest_face(image.rgb)
        if face is None:
            raise ImageError("no face found")
        embedding = find_embedder(embedder).faces([face])[0]
        known = KnownFace(embedding, check(image.rgb, face.box), face.box, face.landmarks)
        if cache is not None:
            cache.keep_face(image.stamp.sha256, known)
    copy = small_copy(Face(image.rgb, known.box, known.landmarks))
    return KnownImage(path, person, known.embedding, known.checked, copy)


def _images(folder: Path) -> Iterator[Path]:
    from data.images.files import IMAGE_SUFFIXES

    return (path for path in paths_below(folder, IMAGE_SUFFIXES) if path.is_file())
