"""Does H2L make LR that passes for real, and does it use its noise?

    python -m benchmarks.h2l_judge runs/h2l/h2l.safetensors --faces ../cache/wild \\
        --others ../cache/celeba-val --real ../cache/wider16 --held-out ../cache/wider16-held-out

A classifier learns from `--faces` and `--real` and is tried on people and images that neither it
nor H2L saw. Accepted: AUC below 0.70, and more than 3 grey levels between two draws. `auc_of_faces`
is what pose and framing alone give away.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import click
import numpy as np
from PIL import Image

from benchmarks.measuring.two_sample import Images, rms_between, two_sample_auc
from gflmser.degradation import bicubic
from gflmser.degrader import Degrader, load_degrader
from gflmser.training.sampler import CachedFaces
from pipeline.cli import main as run
from pipeline.environment.provenance import provenance

HIGHEST_AUC: Final = 0.70
LEAST_RMS: Final = 3.0
_CROP: Final = 0.44
"""The middle of the range of `h2l.toml`: faces as WIDER shows them."""
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("h2l")
@click.option("--faces", required=True, type=_FOLDER, help="Prepared training faces.")
@click.option("--others", required=True, type=_FOLDER, help="Prepared faces of other people.")
@click.option("--real", required=True, type=_FOLDER, help="Prepared real LR that H2L saw.")
@click.option("--held-out", required=True, type=_FOLDER, help="Prepared real LR, not seen.")
@click.option("--learn", default=1600, show_default=True, help="Images of each kind to learn from.")
@click.option("--try", "tried", default=500, show_default=True, help="Of each kind to be tried on.")
def main(
    h2l: str, faces: Path, others: Path, real: Path, held_out: Path, learn: int, tried: int
) -> None:
    """Print the AUC of H2L's and of bicubic images against real LR, and the RMS of two draws."""
    degrader = load_degrader(h2l)
    hr = squares(faces, learn), squares(others, tried)
    wild = low(real, learn), low(held_out, tried)
    ours = by_h2l(degrader, hr[0], 0), by_h2l(degrader, hr[1], 0)
    plain = by_bicubic(hr[0]), by_bicubic(hr[1])
    auc, rms = two_sample_auc(ours, wild), rms_between(ours[1], by_h2l(degrader, hr[1], 1))
    found = {
        "auc": auc,
        "auc_of_bicubic": two_sample_auc(plain, wild),
        "auc_of_faces": two_sample_auc(_each(plain), _each(wild)),
        "rms_of_two_draws": rms,
        "rms_from_bicubic": rms_between(ours[1], plain[1]),
        "accepted": auc < HIGHEST_AUC and rms > LEAST_RMS,
        "images": [len(part) for part in (*hr, *wild)],
        "provenance": provenance(),
    }
    click.echo(json.dumps(found, indent=2))


def squares(folder: Path, count: int) -> Images:
    """The middles of prepared faces as HR `(N, 64, 64, 3)`, at most `count`, in seeded order."""
    made = []
    for image in _drawn(folder, count):
        edge = round(len(image) * _CROP)
        start = (len(image) - edge) // 2
        part = Image.fromarray(image[start : start + edge, start : start + edge])
        made.append(np.asarray(part.resize((64, 64), Image.Resampling.BICUBIC)))
    return np.stack(made)


def low(folder: Path, count: int) -> Images:
    """Real LR `(N, 16, 16, 3)`, at most `count`, in seeded order."""
    return _drawn(folder, count)


def by_h2l(degrader: Degrader, hr: Images, draw: int) -> Images:
    """H2L's images of a draw."""
    parts = range(0, len(hr), 100)
    return np.concatenate(
        [
            degrader(hr[at : at + 100], [2 * i + draw for i in range(at, min(at + 100, len(hr)))])
            for at in parts
        ]
    )


def by_bicubic(hr: Images) -> Images:
    """The protocol's LR."""
    return np.stack([bicubic(Image.fromarray(one), 16) for one in hr])


def faces_alone(lr: Images) -> Images:
    """Grey at 8x8 with one mean and one contrast, again as `(N, 16, 16, 3)`.

    What is left are pose and framing: a degrader that keeps the faces cannot get below the AUC of
    bicubic images so seen.
    """
    cells = lr.reshape(len(lr), 8, 2, 8, 2, 3).mean((2, 4)) @ np.array((0.299, 0.587, 0.114))
    cells -= cells.mean((1, 2), keepdims=True)
    cells /= cells.std((1, 2), keepdims=True) + 1e-3
    grey = np.clip(50 * cells + 128, 0, 255).astype(np.uint8)
    return np.repeat(grey.repeat(2, 1).repeat(2, 2)[..., None], 3, 3)


def _each(parts: tuple[Images, Images]) -> tuple[Images, Images]:
    return faces_alone(parts[0]), faces_alone(parts[1])


def _drawn(folder: Path, count: int) -> Images:
    faces = CachedFaces(folder)
    rows = np.random.default_rng(0).permutation(faces.rows)[:count]
    return np.array(faces.images[np.sort(rows)])


if __name__ == "__main__":
    run(main)
