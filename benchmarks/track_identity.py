"""Who is on a film: frames of one face, 16x16, against a gallery of other photographs.

Films are those of `benchmarks.measuring.fused_tracks`: the face moves, with noise and H.264. The
embeddings of the last frames are averaged. Nothing is chosen on these people. Example:

    python -m benchmarks.track_identity --data ../shared/data --out benchmarks/results/films
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import click
import numpy as np
from PIL import Image

from benchmarks.image_sets import ImageSet, lfw_split, source_of
from benchmarks.measuring.fused_tracks import COUNTS, FILMS, Film, face_of, shots
from benchmarks.measuring.named_strangers import share_text
from benchmarks.measuring.open_set import subjects_of, tars
from data.atomic import write_json, write_text
from data.images.rgb import RGB
from data.prepared import DatasetImage
from pipeline.cli import main as run
from pipeline.environment.progress import progress_bar
from pipeline.environment.provenance import provenance
from pipeline.identity.calibrate import Known, Probes, known_of
from pipeline.identity.calibration_run import fingerprints
from pipeline.identity.cohorts import load_cohorts
from pipeline.identity.embedding import Embedding, Face, load_embedder
from pipeline.identity.faces_of_people import with_landmarks
from pipeline.upscalers.loading import load_upscaler

FACE_PX: Final = 10.8
"""Median width of the faces in the crops, by CenterFace."""
_HEAD: Final = ("film", "frames", "people", "TAR@1 %", "TAR compared", "rank-1")


@dataclass(frozen=True, slots=True)
class Line:
    """One row: a film, how many frames were averaged, and what came of it."""

    film: str
    frames: int
    people: int
    tar: float | None
    tar_as_compared: float | None
    rank_1: float


def filmed(
    images: ImageSet, film: Film, upscale: Callable[[Sequence[RGB]], list[RGB]]
) -> Iterator[Embedding]:
    """Yield the embeddings `(8, 128)` of the frames of each image, restored."""
    embedder = load_embedder()
    for number, image in enumerate(images.images):
        seen = shots(
            Image.fromarray(source_of(image).load()), film, np.random.default_rng([number])
        )
        made = upscale([one.crop for one in seen])
        faces = [Face(sr, face_of(one)) for sr, one in zip(made, seen, strict=True)]
        yield embedder.faces(with_landmarks(faces), restored=[True] * len(faces))


def lines_of(known: Known, film: Film, embedded: Sequence[Embedding]) -> Iterator[Line]:
    """A row for each number of frames; `embedded[i]` shows `known.people[i]`."""
    people = known.people
    for count in COUNTS:
        means = np.asarray([frames[-count:].mean(0) for frames in embedded], np.float32)
        probes = Probes(means, people, ("clean",) * len(people), (False,) * len(people), FACE_PX)
        found = tars(probes, known)
        similar = known.cohorts.similarities(means, known.embeddings, known.view, known.seen)
        first = float((similar.argmax(1) == np.arange(len(people))).mean())
        yield Line(
            film.name, count, len(people),
            found["tar_at_far_1e-2"], found["tar_as_compared"], first,
        )  # fmt: skip


def as_markdown(lines: Sequence[Line]) -> str:
    """The table, shares with Wilson's 95 % interval."""
    rows = [f"| {' | '.join(_HEAD)} |", f"| --- |{' --: |' * (len(_HEAD) - 1)}"]
    for one in lines:
        shares = [_share(value, one.people) for value in (one.tar, one.tar_as_compared, one.rank_1)]
        rows.append(f"| {' | '.join(map(str, (one.film, one.frames, one.people, *shares)))} |")
    return "\n".join(rows) + "\n"


def _share(value: float | None, n: int) -> str:
    return "–" if value is None else share_text(round(value * n), n)


def pairs_of(images: ImageSet, people: int) -> tuple[ImageSet, ImageSet]:
    """One image of each person for the gallery and another for the film, of so many people."""
    own: dict[str, list[DatasetImage]] = {}
    for image in images.shuffled(0).images:
        own.setdefault(image.identity, []).append(image)
    both = [found[:2] for found in own.values() if len(found) > 1][:people]
    first, second = ([pair[i] for pair in both] for i in (0, 1))
    return ImageSet(images.name, tuple(first)), ImageSet(images.name, tuple(second))


@click.command()
@click.option("--data", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, help=".json and .md stem.")
@click.option("--split", default="lfw-test", show_default=True)
@click.option("--people", default=200, show_default=True)
@click.option("--upscaler", default="gflmser", show_default=True)
def main(data: Path, out: Path, split: str, people: int, upscaler: str) -> None:
    """Compare films with a gallery of other photographs, by the number of frames."""
    gallery, films = pairs_of(lfw_split(data, split), people)
    upscale = load_upscaler(upscaler, device="cpu", threads=1)
    subjects = list(subjects_of(gallery))
    there = {subject.identity for subject in subjects}
    films = ImageSet(films.name, tuple(one for one in films.images if one.identity in there))
    cohorts = load_cohorts()
    known = known_of(subjects, upscale, cohorts, cohorts.view(upscaler, FACE_PX))
    lines: list[Line] = []
    with progress_bar(len(FILMS) * len(films.images), unit="film", quiet=False) as bar:
        for film in FILMS:
            embedded = []
            for frames in filmed(films, film, upscale):
                embedded.append(frames)
                bar.update()
            lines += lines_of(known, film, embedded)
    made, prints = provenance(), asdict(fingerprints(upscaler))
    content = {"lines": [asdict(one) for one in lines], "tied to": prints, "provenance": made}
    write_json(out.with_suffix(".json"), content)
    text = f"# Who is on a film\n\n{split}, {len(films.images)} people, crops of 16x16, {upscaler};"
    text += " the gallery holds another photograph of each. The place of the face is given."
    text += " TAR: same pairs"
    text += " accepted where 1 % of the pairs of two people are, by plain distances and by what"
    text += f" `identify` compares. Wilson's 95 % interval. Tied to {json.dumps(prints)}. Made by"
    text += f" `{made['command']}` at commit {made['commit']}.\n\n{as_markdown(lines)}"
    write_text(out.with_suffix(".md"), text)
    click.echo(text)


if __name__ == "__main__":
    run(main)
