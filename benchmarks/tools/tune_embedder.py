"""Tune the face network for low resolution, from prepared training sets.

    python -m benchmarks.tools.tune_embedder --out ../runs/embedder ../cache/wild ../cache/align

The targets are the frozen network's embeddings of the HR faces, so no identities are needed. They
are found once and kept in `faces.safetensors`. `--resume` goes on from the last checkpoint.
With every checkpoint the averaged changes are written to `embedder.safetensors`.
`identify --embedder` takes that file, and names nobody until `calibrate identity --embedder` has
measured rules for it. `pack_tuning` writes what a GPU machine without dlib needs; there:

    python -m benchmarks.tools.tune_embedder --out RUN --packed faces.safetensors --no-video \\
        --network network.safetensors --start start.safetensors --device cuda --workers 13 \\
        --batch 128 --minutes 8 sets/wild sets/align
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from tqdm import tqdm

from data.errors import UsageError
from pipeline.identity.dlib_in_torch import FaceNet, shared_net
from pipeline.identity.embedders.tuned_file import load_changes, save_changes
from pipeline.identity.tuning.faces import (
    TrainingFaces,
    found_faces,
    load_faces,
    save_faces,
)
from pipeline.identity.tuning.packed import load_packed
from pipeline.identity.tuning.run import Machine, Settings, averaged, train
from pipeline.identity.tuning.seen import Looks
from pipeline.upscalers.loading import Upscaler, load_upscaler

_SHOWN = 20
_LEAST_PX = 24.0
"""Width of a packed face: the widest of LR are 25 pixels."""


def main() -> None:
    """Read the arguments and train."""
    began = time.monotonic()
    asked = _parser().parse_args()
    torch.set_num_threads(1)
    if asked.device != "cpu":
        torch.set_float32_matmul_precision("high")  # TF32
    looks = _looks(video=asked.video)
    upscale = {name: _upscaler(name, asked.device) for name in Settings().upscalers}
    net = FaceNet(asked.network) if asked.network else shared_net()
    faces = (
        load_packed(asked.folders, asked.packed, least=_LEAST_PX)
        if asked.packed
        else faces_of(asked.folders, asked.out / "faces.safetensors", asked.most)
    )
    start = load_changes(asked.start) if asked.start else None
    tqdm.write(f"{len(faces)} faces, {time.monotonic() - began:.0f} s")
    minutes = asked.minutes and max(0.0, asked.minutes - (time.monotonic() - began) / 60)
    settings = Settings(
        steps=asked.steps, batch=asked.batch, rank=asked.rank, rate=asked.rate, warmup=asked.warmup,
        decay=asked.decay, looks=looks, every_s=asked.every, minutes=minutes,
    )  # fmt: skip
    result = asked.result or asked.out / "embedder.safetensors"
    words = f"steps of {settings.batch}, rank {settings.rank}, {len(faces)} faces"
    if start is not None:
        words += f", begun with {asked.start.name}"

    def saved(step: int) -> None:
        save_changes(averaged(asked.out), result, note=f"{step} {words}")

    machine = Machine(device=asked.device, workers=asked.workers, net=net, start=start)
    _show(
        train(
            faces, upscale, settings, asked.out,
            resume=asked.resume, machine=machine, saved=saved,
        )
    )  # fmt: skip


def faces_of(folders: list[Path], kept: Path, most: int | None) -> TrainingFaces:
    """The faces of an earlier run in the same folder, or new ones."""
    if kept.is_file():
        return load_faces(folders, kept)
    with tqdm(unit="image") as bar:
        faces = found_faces(folders, most=most, progress=bar.update)
    kept.parent.mkdir(parents=True, exist_ok=True)
    save_faces(faces, kept)
    return faces


def _parser() -> argparse.ArgumentParser:
    own = Settings()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path, help="prepared sets")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--result", type=Path, help="default: embedder.safetensors in --out")
    parser.add_argument("--packed", type=Path, help="faces as pack_tuning writes them")
    parser.add_argument("--most", type=int, help="images of a set, at most")
    parser.add_argument("--network", type=Path, help="dlib's network as pack_tuning writes it")
    parser.add_argument("--start", type=Path, help="changes to begin with, of the same rank")
    parser.add_argument("--steps", type=int, default=own.steps)
    parser.add_argument("--minutes", type=float, help="of the whole run, in place of --steps")
    parser.add_argument("--batch", type=int, default=own.batch)
    parser.add_argument("--rank", type=int, default=own.rank)
    parser.add_argument("--rate", type=float, default=own.rate)
    parser.add_argument("--warmup", type=int, default=own.warmup, help="steps of rising rates")
    parser.add_argument("--decay", type=float, default=own.decay, help="of the averaged weights")
    parser.add_argument("--every", type=float, default=own.every_s, help="seconds to a checkpoint")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--workers", type=int, default=0, help="processes that make batches")
    parser.add_argument(
        "--no-video", dest="video", action="store_false", help="no H.264: it needs PyAV"
    )
    parser.add_argument("--resume", action="store_true")
    return parser


def _looks(*, video: bool) -> Looks:
    if video and importlib.util.find_spec("av") is None:
        raise UsageError("PyAV is not installed: --no-video leaves H.264 out")
    return Looks() if video else Looks().without_video()


def _upscaler(name: str, device: str) -> Upscaler:
    return load_upscaler(name, device=device, threads=1, batch_size=64 if device == "cpu" else 256)


def _show(steps: Iterable[tuple[int, Mapping[str, float]]]) -> None:
    """Go through the steps and print means."""
    mean: dict[str, float] = {}
    began = time.monotonic()
    for step, parts in steps:
        mean = {name: mean.get(name, 0.0) + value / _SHOWN for name, value in parts.items()}
        if step % _SHOWN == 0:
            took = time.monotonic() - began
            tqdm.write(f"{step} {took:.0f} s " + " ".join(f"{k} {v:.3f}" for k, v in mean.items()))
            mean = {}


if __name__ == "__main__":
    main()
