"""Make `pipeline/identity/cohort.safetensors`: the cohorts of the views, from training faces.

    python -m benchmarks.tools.make_cohorts --data ../shared/data --upscalers gflmser,bicubic

A view's cohort holds means of two faces each, a face and its nearest, so that no row is a person.
The faces are one image of each training person; who looks like anybody of lfw-test is left out
(`data/weights/left_out`). The cohort of good images in the file is kept.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import torch
from tqdm import tqdm

from data.atomic import whole_file
from data.images.files import load_rgb
from gflmser.quantised import quantise
from pipeline.identity.cohorts import SHIPPED, Cohorts, View, load_cohorts, tensors_of
from pipeline.identity.embedding import Embedding, Face
from pipeline.identity.faces_of_people import central_face, small_copy
from pipeline.identity.labelled import far_away
from pipeline.identity.normalise import Cohort
from pipeline.identity.views import Upscale, embed_enlarged
from pipeline.upscalers.loading import load_upscaler

_LEFT_OUT: Final = Path("data/weights/left_out")
_LEAST_PX: Final = 30.0
_BATCH: Final = 64


def main() -> None:
    """Read the arguments, make the cohorts, write the file after each view."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--upscalers", required=True)
    parser.add_argument("--widths", default="10.5,18")
    parser.add_argument("--faces", type=int, default=1500)
    parser.add_argument("--members", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=SHIPPED)
    asked = parser.parse_args()
    faces = list(training_faces(asked.data, asked.faces))
    cohorts = load_cohorts(asked.out)
    for name in asked.upscalers.split(","):
        upscale = load_upscaler(name, device="cpu", threads=1)
        for width in map(float, asked.widths.split(",")):
            seen = embeddings(faces, upscale, width)
            view = View(name, width)
            cohorts = Cohorts(cohorts.plain, {**cohorts.views, view: of_pairs(seen, asked.members)})
            write(cohorts, asked.out)
            load_cohorts.cache_clear()
            cohorts = load_cohorts(asked.out)
            tqdm.write(f"{name} at {width:g} px: {len(seen)} faces, {cohorts.fingerprint(name)}")


def training_faces(data: Path, most: int) -> Iterator[Face]:
    """Yield a face of each training person, in seeded order."""
    images = list(_training_images(data))
    order = np.random.default_rng(0).permutation(len(images))
    given = 0
    for number in tqdm(order, unit="image"):
        face = central_face(load_rgb(data / images[number]))
        if face is None or face.box.width < _LEAST_PX:
            continue
        yield small_copy(face)
        given += 1
        if given == most:
            return


def embeddings(faces: list[Face], upscale: Upscale, width: float) -> Embedding:
    """The faces `width` pixels wide, enlarged, `(n, 128)`."""
    rows = []
    for start in tqdm(range(0, len(faces), _BATCH), unit="batch"):
        small = [
            far_away(face, width, "clean", np.random.default_rng([start + i, round(width)]))
            for i, face in enumerate(faces[start : start + _BATCH])
        ]
        rows.append(embed_enlarged(small, upscale))
    return np.concatenate(rows)


def of_pairs(seen: Embedding, members: int) -> Cohort:
    """Directions of `members` faces, each averaged with the face nearest to it."""
    mean = seen.mean(0)
    units = Cohort(mean, np.eye(seen.shape[1], dtype=np.float32)).units(seen)
    likeness = units @ units.T
    np.fill_diagonal(likeness, -1)
    chosen = np.random.default_rng(0).permutation(len(units))[:members]
    pairs = units[chosen] + units[likeness[chosen].argmax(1)]
    directions = pairs / np.linalg.norm(pairs, axis=1, keepdims=True)
    return Cohort(mean.astype(np.float32), directions.astype(np.float32))


def write(cohorts: Cohorts, out: Path) -> None:
    """Write the file: directions at 8 bits, means in half precision."""
    from safetensors.torch import save_file

    note = "means of a training face and its nearest: no single face"
    with whole_file(out) as temporary:
        save_file(stored(cohorts), temporary, {"format": "sr-pipeline cohorts", "note": note})


def stored(cohorts: Cohorts) -> dict[str, torch.Tensor]:
    """The tensors of the file; directions that were read from one do not change again."""
    tensors = {name: torch.from_numpy(one) for name, one in tensors_of(cohorts).items()}
    return quantise({name: one if one.ndim > 1 else one.half() for name, one in tensors.items()})


def _training_images(data: Path) -> Iterator[str]:
    """One image of each person of celeba-train, and every second face of all_age_faces128."""
    left_out = {
        f"{folder}/{row['image']}"
        for folder, name in (("celeba_wild160", "wild"), ("celeba_align", "align"),
                             ("all_age_faces128", "aaf"))
        for row in csv.DictReader((_LEFT_OUT / f"{name}.csv").open(encoding="utf-8"))
    }  # fmt: skip
    seen: set[str] = set()
    with (data / "splits" / "celeba-train.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["image"] not in left_out and row["identity"] not in seen:
                seen.add(row["identity"])
                yield row["image"]
    for path in sorted((data / "all_age_faces128").glob("*.jpg"))[::2]:
        image = f"all_age_faces128/{path.name}"
        if image not in left_out:
            yield image


if __name__ == "__main__":
    main()
