"""Crops per second of the shipped networks: ours, torch alone, and ONNX Runtime on a plain export.

    python -m benchmarks.tools.runtime_speed --out benchmarks/results/runtime.json

CPU seconds are those of all threads together: on a busy machine they mean more than wall time.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
import numpy as np
from PIL import Image

from data.atomic import write_json
from data.images.rgb import RGB
from gflmser.onnx_export import export_onnx
from gflmser.restore import load_restorer
from pipeline.cli import main as run
from pipeline.environment.onnx_models import open_session
from pipeline.environment.provenance import provenance
from pipeline.upscalers.loading import load_upscaler

SAMPLES: Final = Path(__file__).resolve().parents[2] / "data" / "samples"
_SIDE: Final = 16
Engine = Callable[[Sequence[RGB]], list[RGB]]


@dataclass(frozen=True, slots=True)
class Speed:
    """Medians over the repeats, for one crop of 16x16."""

    engine: str
    threads: int
    batch: int
    cpu_ms: float
    wall_ms: float

    def as_row(self) -> dict[str, object]:
        """JSON-ready, with crops per second."""
        return {
            "engine": self.engine,
            "threads": self.threads,
            "batch": self.batch,
            "cpu_ms_per_crop": round(self.cpu_ms, 3),
            "wall_ms_per_crop": round(self.wall_ms, 3),
            "crops_per_s": round(1000 / self.wall_ms, 1),
        }


def engines(name: str, threads: int) -> dict[str, Engine]:
    """What is compared; each restores images of one size."""
    import torch

    upscaler, plain = load_upscaler(name, device="cpu", threads=threads), load_restorer(name)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "whole.onnx"
        export_onnx(name, file)
        session = open_session(file.read_bytes(), name, device="cpu", threads=threads)

    def by_torch(images: Sequence[RGB]) -> list[RGB]:
        torch.set_num_threads(threads)
        return list(plain(np.stack(images)))

    return {"ours": upscaler, "torch": by_torch, "onnxruntime": _by_onnx(session)}


def _by_onnx(session: Any) -> Engine:  # noqa: ANN401 - onnxruntime has no types
    def restore(images: Sequence[RGB]) -> list[RGB]:
        lr = np.stack(images).transpose(0, 3, 1, 2).astype(np.float32) / 255
        (sr,) = session.run(None, {"lr": np.ascontiguousarray(lr)})
        return list(np.rint(sr.transpose(0, 2, 3, 1) * 255).astype(np.uint8))

    return restore


def speeds(
    compared: Mapping[str, Engine], images: Sequence[RGB], *, threads: int, batch: int, repeats: int
) -> list[Speed]:
    """Time the engines in turns on the first `batch` images, after one turn not counted."""
    cpu: dict[str, list[float]] = {name: [] for name in compared}
    wall: dict[str, list[float]] = {name: [] for name in compared}
    for turn in range(repeats + 1):
        for name, engine in compared.items():
            used, begun = time.process_time(), time.perf_counter()
            engine(images[:batch])
            if turn:
                cpu[name].append(1000 * (time.process_time() - used) / batch)
                wall[name].append(1000 * (time.perf_counter() - begun) / batch)
    return [
        Speed(name, threads, batch, statistics.median(cpu[name]), statistics.median(wall[name]))
        for name in compared
    ]


def disagreement(compared: Mapping[str, Engine], images: Sequence[RGB]) -> dict[str, float]:
    """Largest difference from torch in grey levels, and the share of values that differ."""
    made = {name: np.stack(engine(images)).astype(int) for name, engine in compared.items()}
    figures: dict[str, float] = {}
    for name, pixels in made.items():
        difference = np.abs(pixels - made["torch"])
        figures |= {
            f"{name}_most": int(difference.max()),
            f"{name}_share": float((difference > 0).mean()),
        }
    return figures


def crops(count: int) -> list[RGB]:
    """Crops of 16x16 out of the sample images."""
    made: list[RGB] = []
    for path in sorted(SAMPLES.glob("*.jpg")):
        with Image.open(path) as opened:
            image = opened.convert("RGB")
            part = image.resize((128, 128), Image.Resampling.BICUBIC)
        for left in range(0, 65, 16):
            box = (left, left // 2, left + 64, left // 2 + 64)
            made.append(np.array(part.crop(box).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)))
    return [made[i % len(made)] for i in range(count)]


@click.command()
@click.option("--weights", default="gflmser,gflmser-real", show_default=True)
@click.option("--threads", default="1,2", show_default=True)
@click.option("--batches", default="1,64", show_default=True)
@click.option("--repeats", type=click.IntRange(1), default=5, show_default=True)
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path))
def main(weights: str, threads: str, batches: str, repeats: int, out: Path) -> None:
    """Time the shipped WEIGHTS by each engine and compare their pixels."""
    sizes = [int(one) for one in batches.split(",")]
    images = crops(max(sizes))
    rows: list[dict[str, object]] = []
    pixels: dict[str, dict[str, float]] = {}
    for name in weights.split(","):
        for count in map(int, threads.split(",")):
            compared = engines(name, count)
            pixels[name] = disagreement(compared, images)
            for batch in sizes:
                found = speeds(compared, images, threads=count, batch=batch, repeats=repeats)
                rows += [{"weights": name, **one.as_row()} for one in found]
    write_json(out, {"speeds": rows, "pixels": pixels, "provenance": provenance()})
    for row in rows:
        click.echo("  ".join(str(value) for value in row.values()))
    click.echo(str(pixels))


if __name__ == "__main__":
    run(main)
