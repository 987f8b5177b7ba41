"""What `identify` answers about people of a gallery and about strangers, from files to answers.

Protocol: so many people with two images or more are drawn for the gallery, with their first image;
their second is a probe. Everybody else may be a stranger, one image each. Probes are 16x16 crops of
a degraded set, or portraits that a distant camera took of a photograph. Faces are searched for, so
a face that is not found counts as a person without a name.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
from PIL import Image

from benchmarks.image_sets import ImageSet, source_of
from benchmarks.protocols import IDENTITY_CROP
from data.images.files import save_png
from data.images.rgb import RGB
from data.prepared import DatasetImage
from gflmser.camera.sets import DegradedSet
from pipeline.engine.run import RunOptions
from pipeline.identity.answers import Answer, read_answers
from pipeline.identity.gallery import Gallery
from pipeline.identity.identifier import Identifier
from pipeline.inputs.sources import Listing
from pipeline.jobs.choose import detect_job
from pipeline.jobs.degrade import Degradation
from pipeline.jobs.detect_to_folder import find_faces, identifier_for
from pipeline.metrics.intervals import wilson

__all__ = [
    "FRAMES",
    "OPTICS",
    "Counts",
    "Drawn",
    "Optics",
    "answers_of",
    "counted",
    "drawn",
    "share_text",
]

FRAMES: Final = 4
_HR: Final = 96
"""Side of the part of an image that a distant camera sees, before it is reduced."""


@dataclass(frozen=True, slots=True)
class Optics:
    """A photograph seen again by a distant camera: grey, soft, noisy, stored as a good JPEG."""

    width: int
    height: int
    crop: float = 0.7
    """Share of the image's height that is seen."""

    def __call__(self, rgb: RGB, key: str, seed: int) -> RGB:
        """The portrait `(height, width, 3)` of an image, three equal channels."""
        hr, _ = Degradation(self.crop, hr=_HR)(rgb, key)
        lens = DegradedSet(blur=0.7, noise=3, jpeg=85)
        drawn = np.random.default_rng([seed, *key.encode()])
        _, square = lens(Image.fromarray(hr).convert("L").convert("RGB"), self.height, drawn)
        left = (self.height - self.width) // 2
        grey = np.asarray(Image.fromarray(square[:, left : left + self.width]).convert("L"))
        return np.repeat(grey[..., None], 3, axis=2)


OPTICS: Final[Mapping[str, Optics]] = MappingProxyType(
    {"optics 24x33": Optics(24, 33), "optics 15x22": Optics(15, 22)}
)


@dataclass(frozen=True)
class Drawn:
    """Who is in the gallery, who is asked about, and by which images."""

    gallery: tuple[DatasetImage, ...]
    known: tuple[DatasetImage, ...]
    strangers: tuple[DatasetImage, ...]
    several: tuple[tuple[DatasetImage, ...], ...]
    """Four more images of each person of the gallery who has five."""


def drawn(images: ImageSet, *, people: int, strangers: int, seed: int) -> Drawn:
    """Draw the gallery and the strangers; no person is both."""
    of: dict[str, list[DatasetImage]] = defaultdict(list)
    for image in images.images:
        of[image.identity or image.key].append(image)
    rng = np.random.default_rng(seed)
    many = sorted(person for person, own in of.items() if len(own) > 1)
    inside = sorted(rng.choice(many, people, replace=False).tolist())
    others = sorted(set(of) - set(inside))
    outside = rng.choice(others, min(strangers, len(others)), replace=False).tolist()
    return Drawn(
        tuple(of[person][0] for person in inside),
        tuple(of[person][1] for person in inside),
        tuple(of[person][0] for person in outside),
        tuple(tuple(of[p][1 : 1 + FRAMES]) for p in inside if len(of[p]) > FRAMES),
    )


@dataclass(frozen=True, slots=True)
class Counts:
    """How many probes were answered in which way."""

    probes: int
    found: int
    right: int
    wrong: int
    """Names of other people; for a stranger every name."""
    rank_1: int


def counted(answers: Iterable[Answer], truth: Mapping[str, str], people: Sequence[str]) -> Counts:
    """Count the answers about the probes of `truth` (key to person), each counted once."""
    found = {answer.image: answer for answer in answers if answer.image in truth}
    named = {key: answer.name for key, answer in found.items() if answer.name}
    right = sum(name == truth[key] for key, name in named.items())
    first = sum(a.identity == truth[key] for key, a in found.items() if truth[key] in people)
    return Counts(len(truth), len(found), right, len(named) - right, first)


def share_text(hits: int, n: int) -> str:
    """A share with Wilson's 95 % interval; a dash where nobody was asked."""
    if not n:
        return "–"
    found = wilson(hits, n)
    return f"{hits / n:.3f} [{found.lo:.3f}, {found.hi:.3f}]"


def answers_of(
    probes: Sequence[Sequence[DatasetImage]],
    kind: str,
    gallery: Gallery,
    out: Path,
    *,
    upscaler: str,
    seed: int,
    fpir: float = 0.01,
) -> tuple[list[Answer], dict[str, str]]:
    """Write the probes into `out`, search them and name them as `identify` does.

    A probe of several images is one track. Returns the answers, and who the probe of each key
    shows. An image that cannot be read is left out.
    """
    truth, lines = {}, []
    for number, images in enumerate(probes):
        for turn, image in enumerate(images):
            name = f"{number:04}-{turn}.png"
            source = source_of(image)
            if source.problem is None:
                save_png(out / "lr" / name, _seen(source.load(), source.key, kind, seed))
                lines.append((name, image.identity or "", f"{number}"))
                truth[name] = image.identity or ""
    manifest = out / "lr" / "probes.csv"
    with manifest.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("image", "identity", "track"), *lines])
    tracks = any(len(images) > 1 for images in probes)
    identifier: Identifier = identifier_for(gallery, upscaler, fpir=fpir)
    job = detect_job(
        out / "named", upscaler=upscaler, detector="auto", identifier=identifier,
        images=False, tracks=tracks, faces="largest",
    )  # fmt: skip
    find_faces(job, Listing((str(manifest),)), RunOptions(0, quiet=True))
    table = out / "named" / ("tracks.csv" if tracks else "detections.csv")
    return list(read_answers(table, gallery.people)), truth


def _seen(rgb: RGB, key: str, kind: str, seed: int) -> RGB:
    if kind in OPTICS:
        return OPTICS[kind](rgb, key, seed)
    camera = "" if kind == "clean" else kind
    return Degradation(IDENTITY_CROP, camera=camera, seed=seed)(rgb, key)[1]
