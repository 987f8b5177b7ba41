"""Embeddings per second: dlib's own call beside the same network in PyTorch, in one run.

    python -m benchmarks.tools.embedding_speed --out benchmarks/results/embedding_speed.json

The two take turns on the same chips; the difference of their embeddings is printed too.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data.atomic import write_json
from data.images.rgb import RGB
from pipeline.cli import main as run
from pipeline.environment.dlib_models import import_dlib, model_file
from pipeline.environment.provenance import provenance
from pipeline.identity.dlib_in_torch import embed_chips

_SAMPLES: Final = Path(__file__).resolve().parents[2] / "data" / "samples"
_SIDE: Final = 150
_ROUNDS: Final = 5
Embed = Callable[[Sequence[RGB]], NDArray[np.floating[Any]]]


def chips(count: int) -> list[RGB]:
    """So many different squares `(150, 150, 3)` of the samples; speed asks for no faces."""
    with Image.open(_SAMPLES / "obama.jpg") as opened:
        image = opened.convert("RGB")
    corners = np.random.default_rng(0).uniform(0, 0.5, (count, 2))
    side = min(image.size) / 2
    return [
        np.asarray(image.resize((_SIDE, _SIDE), box=(x, y, x + side, y + side)))
        for x, y in (corner * min(image.size) for corner in corners)
    ]


def by_dlib() -> Embed:
    """dlib's call for a batch of chips."""
    net = import_dlib().face_recognition_model_v1(str(model_file("embedding")))
    return lambda images: np.array(
        net.compute_face_descriptor([np.ascontiguousarray(one) for one in images])
    )


def measure(count: int, threads: int, rounds: int = _ROUNDS) -> dict[str, Any]:
    """Embeddings per second of both, medians over rounds in turns, and their ratios."""
    import torch

    torch.set_num_threads(threads)
    images = chips(count)
    engines: dict[str, Embed] = {"dlib": by_dlib(), "torch": embed_chips}
    made = {name: np.asarray(engine(images)) for name, engine in engines.items()}  # warms up
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in engines}
    for _ in range(rounds):
        for name, engine in engines.items():
            wall, cpu = time.perf_counter(), time.process_time()
            engine(images)
            taken[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    rates = {
        name: [count / statistics.median(one) for one in zip(*times, strict=True)]
        for name, times in taken.items()
    }
    return {
        "chips": count,
        "threads": threads,
        "per_second": {name: round(rate[0], 1) for name, rate in rates.items()},
        "per_cpu_second": {name: round(rate[1], 1) for name, rate in rates.items()},
        "ratio": round(rates["torch"][0] / rates["dlib"][0], 2),
        "cpu_ratio": round(rates["torch"][1] / rates["dlib"][1], 2),
        "largest_difference": float(np.abs(made["torch"] - made["dlib"]).max()),
    }


@click.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, help="JSON to write.")
@click.option("--count", default=32, show_default=True, help="Chips of a batch.")
@click.option("--threads", default=2, show_default=True, help="Threads of PyTorch; dlib has one.")
def main(out: Path, count: int, threads: int) -> None:
    """Time dlib's own embeddings against the product's."""
    found = measure(count, threads) | {"provenance": provenance()}
    write_json(out, found)
    click.echo(
        f"torch {found['per_second']['torch']}/s, dlib {found['per_second']['dlib']}/s: "
        f"{found['ratio']} times; of processor time {found['cpu_ratio']} times"
    )


if __name__ == "__main__":
    run(main)
