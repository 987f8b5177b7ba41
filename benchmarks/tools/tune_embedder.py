"""Tune the face network for low resolution, from prepared training sets.

    python -m benchmarks.tools.tune_embedder --out ../runs/embedder ../cache/wild ../cache/align

The targets are the frozen network's embeddings of the HR faces, so no identities are needed. They
are found once and kept in `faces.safetensors`. `--resume` goes on from the last checkpoint.
At the end the averaged changes lie in `embedder.safetensors`. `identify --embedder` takes that
file, and names nobody until `calibrate identity --embedder` has measured rules for it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from tqdm import tqdm

from pipeline.identity.embedders.tuned_file import save_changes
from pipeline.identity.tuning.faces import TrainingFaces, found_faces, load_faces, save_faces
from pipeline.identity.tuning.run import Settings, averaged, train
from pipeline.upscalers.loading import load_upscaler

_SHOWN = 20


def main() -> None:
    """Read the arguments and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, help="prepared sets")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--most", type=int, help="images of a set, at most")
    parser.add_argument("--steps", type=int, default=Settings().steps)
    parser.add_argument("--rank", type=int, default=Settings().rank)
    parser.add_argument("--rate", type=float, default=Settings().rate)
    parser.add_argument("--resume", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    settings = Settings(steps=asked.steps, rank=asked.rank, rate=asked.rate)
    upscale = {name: load_upscaler(name, device="cpu", threads=1) for name in settings.upscalers}
    faces = faces_of(asked.folders, asked.out / "faces.safetensors", asked.most)
    tqdm.write(f"{len(faces)} faces")
    mean: dict[str, float] = {}
    step = 0
    for step, parts in train(faces, upscale, settings, asked.out, resume=asked.resume):
        mean = {name: mean.get(name, 0.0) + value / _SHOWN for name, value in parts.items()}
        if step % _SHOWN == 0:
            tqdm.write(" ".join([f"{step}", *(f"{k} {v:.3f}" for k, v in mean.items())]))
            mean = {}
    note = f"{step} steps of {settings.batch}, rank {settings.rank}, {len(faces)} faces"
    save_changes(averaged(asked.out), asked.out / "embedder.safetensors", note=note)


def faces_of(folders: list[Path], kept: Path, most: int | None) -> TrainingFaces:
    """The faces of an earlier run in the same folder, or new ones."""
    if kept.is_file():
        return load_faces(folders, kept)
    with tqdm(unit="image") as bar:
        faces = found_faces(folders, most=most, progress=bar.update)
    kept.parent.mkdir(parents=True, exist_ok=True)
    save_faces(faces, kept)
    return faces


if __name__ == "__main__":
    main()
