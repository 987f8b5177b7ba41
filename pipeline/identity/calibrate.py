"""Measure the thresholds of `calibration.py` on labelled pictures of faces.

Protocol: the first picture of each person, untouched, is the gallery. Every picture is a probe: it
is reduced (Pillow bicubic, antialiased) until its face has the wanted width, and upscaled again. It
is embedded at the box that dlib hog found on the untouched picture, scaled along. All
probes against all gallery pictures of other people are the impostor comparisons, against the own
one (another picture) the genuine ones. The box is given, so a threshold says nothing of detection.
"""

from __future__ import annotations

import csv
import shlex
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data.atomic import whole_file
from data.boxes import Box
from data.errors import ImageError, UsageError
from data.images.files import load_rgb
from data.images.rgb import RGB
from pipeline.cli import main as run
from pipeline.detection.registry import load_detector
from pipeline.identity.identity import load_embedder
from pipeline.identity.thresholds import (
    FARS,
    PLAIN,
    SHIPPED,
    Calibration,
    Provenance,
    Row,
    load_calibration,
)
from pipeline.identity.verification import threshold_at_far
from pipeline.upscalers.base import Upscaler
from pipeline.upscalers.loading import load_upscaler

SIZES: Final = (8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 109.0)
_BATCH: Final = 32

Embeddings = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Subject:
    """A labelled picture and the box of its face."""

    image: str
    identity: str
    rgb: RGB
    box: Box


def read_subjects(folder: Path, split: Path, per_person: int | None = None) -> list[Subject]:
    """Pictures of a CSV (image, identity) that show a face; others are left out.

    The face nearest to the centre is taken, as dlib hog finds it after one doubling. With
    `per_person` only the first so many pictures of each person are read. Raises UsageError when the
    CSV has no such columns.
    """
    labelled: list[tuple[str, str]] = []
    seen: Counter[str] = Counter()
    with split.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        if not {"image", "identity"} <= set(rows.fieldnames or ()):
            raise UsageError(f"{split}: needs the columns image and identity")
        for row in rows:
            seen[row["identity"]] += 1
            if per_person is None or seen[row["identity"]] <= per_person:
                labelled.append((row["image"], row["identity"]))
    found = (_subject(folder, image, identity) for image, identity in labelled)
    return [subject for subject in found if subject is not None]


def calibrate(
    subjects: Sequence[Subject],
    upscaler: Callable[[Sequence[RGB]], list[RGB]],
    *,
    name: str,
    scale: int,
    sizes: Iterable[float] = SIZES,
    fars: Iterable[float] = FARS,
) -> Iterator[Row]:
    """Measure an upscaler at each face width; protocol at the top of this file.

    A threshold that would rest on no impostor at all is left out.
    """
    fars = tuple(fars)
    people = [subject.identity for subject in subjects]
    first = [people.index(person) for person in dict.fromkeys(people)]
    gallery = embed([subjects[i] for i in first], None, lambda pictures: list(pictures), scale=1)
    identity = np.array(people)
    same = identity[:, None] == identity[first][None, :]
    own = np.zeros_like(same)
    own[first, np.arange(len(first))] = True
    for size in sizes:
        probes = embed(subjects, size, upscaler, scale=scale)
        distance = np.linalg.norm(probes[:, None] - gallery[None], axis=2).astype(np.float64)
        impostors, genuine = distance[~same], distance[same & ~own]
        for far in fars:
            threshold = threshold_at_far(impostors, far)
            if threshold is not None:
                tar = float((genuine <= threshold).mean())
                yield Row(
                    upscaler=name,
                    face_px=size,
                    far=far,
                    threshold=round(threshold, 4),
                    n_pairs=len(impostors),
                    tar=round(tar, 4),
                    n_same=len(genuine),
                )


def embed(
    subjects: Sequence[Subject],
    face_px: float | None,
    upscaler: Callable[[Sequence[RGB]], list[RGB]],
    *,
    scale: int,
) -> Embeddings:
    """Embeddings `(n, 128)` of faces reduced to `face_px` (None: as they are) and enlarged."""
    embedder = load_embedder()
    rows = []
    for start in range(0, len(subjects), _BATCH):
        batch = [_reduced(subject, face_px) for subject in subjects[start : start + _BATCH]]
        large = upscaler([rgb for rgb, _ in batch])
        for rgb, (_, box) in zip(large, batch, strict=True):
            rows.append(embedder.embed(rgb, box.scaled(scale, scale)))
    return np.stack(rows)


def _reduced(subject: Subject, face_px: float | None) -> tuple[RGB, Box]:
    if face_px is None:
        return subject.rgb, subject.box
    height, width = subject.rgb.shape[:2]
    factor = face_px / subject.box.width
    size = max(1, round(width * factor)), max(1, round(height * factor))
    small = Image.fromarray(subject.rgb).resize(size, Image.Resampling.BICUBIC)
    return np.array(small), subject.box.scaled(size[0] / width, size[1] / height)


def _subject(folder: Path, image: str, identity: str) -> Subject | None:
    try:
        rgb = load_rgb(folder / image)
    except ImageError:
        return None
    middle_x, middle_y = rgb.shape[1] / 2, rgb.shape[0] / 2
    boxes = [face.box for face in load_detector("hog")(rgb, 1)]
    if not boxes:
        return None
    nearest = min(
        boxes,
        key=lambda b: (
            (b.left + b.right - 2 * middle_x) ** 2 + (b.top + b.bottom - 2 * middle_y) ** 2
        ),
    )
    return Subject(image, identity, rgb, nearest)


def _plain(pictures: Sequence[RGB]) -> list[RGB]:
    return list(pictures)


def _upscaler(name: str) -> tuple[Callable[[Sequence[RGB]], list[RGB]], int]:
    if name == PLAIN:
        return _plain, 1
    upscaler: Upscaler = load_upscaler(name, device="cpu", threads=1)
    return upscaler, upscaler.scale


def _weights(name: str) -> str | None:
    """Hash of the weight file; None for what is not a network of ours or a file."""
    from gflmser.cards import WeightsError
    from gflmser.weight_files import digest
    from gflmser.weights import find

    try:
        return digest(Path(name) if Path(name).is_file() else find(name))
    except WeightsError:
        return None


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("split", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--upscalers", required=True, help="Names, with commas; `none` for not enlarged.")
@click.option("--sizes", default=",".join(f"{s:g}" for s in SIZES), show_default=True)
@click.option("--per-person", type=click.IntRange(1), help="At most so many pictures of each.")
@click.option("--out", type=click.Path(path_type=Path), default=SHIPPED, show_default=True)
def command(
    folder: Path, split: Path, upscalers: str, sizes: str, per_person: int | None, out: Path
) -> None:
    """Calibrate identity thresholds on FOLDER with the people of SPLIT (image, identity).

    Rows of other upscalers in the table stay. Example:

    python -m pipeline.identity.thresholds ../shared/data/lfw ../shared/data/splits/lfw-val.csv
    --upscalers none,nearest,bilinear,bicubic,lanczos
    """
    from pipeline.environment.provenance import commit

    try:
        widths = [float(size) for size in sizes.split(",")]
    except ValueError as error:
        raise UsageError(f"--sizes are numbers with commas, not {sizes!r}") from error
    subjects = read_subjects(folder, split, per_person)
    if not subjects:
        raise UsageError(f"{split}: no picture with a face under {folder}")
    table = load_calibration(out) if out.exists() else Calibration(())
    for name in upscalers.split(","):
        function, scale = _upscaler(name)
        rows = []
        for row in calibrate(subjects, function, name=name, scale=scale, sizes=widths):
            click.echo(f"{row.upscaler} {row.face_px:g} px {row.far:g}: {row}", err=True)
            rows.append(row)
        people = len({subject.identity for subject in subjects})
        origin = Provenance(
            data=f"{split.name}: {len(subjects)} pictures of {people} people with a face",
            command=shlex.join(["python", "-m", "pipeline.identity.thresholds", *sys.argv[1:]]),
            commit=commit(),
            date=datetime.now(UTC).date().isoformat(),
            weights=_weights(name),
        )
        table = table.updated(rows, {name: origin})
        with whole_file(out) as temporary:
            temporary.write_text(table.as_json(), encoding="utf-8")


def main() -> None:
    """Run `command`; errors are told as those of `sr-pipeline` are."""
    run(command)
