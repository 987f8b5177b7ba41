"""Everything that a lent GPU is asked, in one command; and the pack that it needs.

The second command is for the GPU machine, the third does the same on a CPU, in little:

```
python -m benchmarks.gpu pack OUT --faces wild=../cache/wild:128 --faces utk=../cache/utk:80
cd OUT && python -m benchmarks.gpu run --out RESULTS --train large --train real-gpu
python -m benchmarks.gpu run --device cpu --quick --out RESULTS
```
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import click
import torch

from benchmarks.measuring.device_checks import checked
from benchmarks.measuring.device_speed import (
    crops_per_second,
    paper_steps,
    training_images_per_second,
)
from benchmarks.measuring.device_training import Training, side_by_side, train
from benchmarks.measuring.packed_faces import pack, total, unpack
from data.atomic import write_json
from data.errors import UsageError
from data.prepared import DatasetImage, build
from gflmser.weights import list_weights
from pipeline.cli import main as run
from pipeline.environment.devices import resolve_device
from pipeline.environment.provenance import provenance

ROOT: Final = Path(__file__).resolve().parents[1]
CONFIGS: Final = ROOT / "gflmser" / "configs"
LARGEST: Final = 55 * 2**20
"""Bytes of a pack: a transfer takes 64 MiB."""
_LEFT: Final = ("data/weights/rivals/", "docs/", "benchmarks/results/", "tests/")
_MIN_SECONDS: Final = 20.0
"""Time that is kept for writing the trained networks."""
_SMALL: Final = (
    *("training.batch=2", "training.precision='32-true'", "training.fused=false"),
    *("training.compiled=false", "network.trunk=1", "data.validation=''"),
)
"""What `--quick` lays over the configuration of a training."""
_NARROW: Final = tuple(f"network.widths.r{r}=8" for r in (64, 32, 16, 8, 4))


_ASKED: Final = re.compile(r"([\w-]+)=(.+?):(\d+)(?::(\d+))?")


@click.group()
def main() -> None:
    """Measure and train on a GPU machine that is lent for a few minutes."""


@main.command("pack")
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--faces",
    multiple=True,
    metavar="NAME=PREPARED:SIDE[:MOST]",
    help="A prepared set, its images' side and the most of them.",
)
@click.option("--weights", default="gflmser", show_default=True, help="Shipped weights to send.")
def pack_command(out: Path, faces: tuple[str, ...], weights: str) -> None:
    """Write code, the named weights and faces as WebP into OUT, at most 55 MiB."""
    if out.exists():
        raise UsageError(f"{out} exists")
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split("\0")
    kept = {f"data/weights/{name}.safetensors" for name in weights.split(",")}
    for name in filter(None, names):
        heavy = name.endswith(".safetensors") and name not in kept
        if not heavy and not name.startswith(_LEFT) and (ROOT / name).is_file():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, out / name)
    for one in faces:
        asked = _ASKED.fullmatch(one)
        if asked is None:
            raise UsageError(f"'{one}' is not NAME=PREPARED:SIDE[:MOST]")
        name, folder, side, most = asked.groups()
        size = pack(
            Path(folder),
            out / "faces" / f"{name}.zip",
            side=int(side),
            limit=None if most is None else int(most),
        )
        click.echo(f"{name}: {size / 2**20:.1f} MiB")
    whole = total([out])
    click.echo(f"{out}: {whole / 2**20:.1f} MiB")
    if whole > LARGEST:
        raise UsageError(f"{out} has {whole / 2**20:.1f} MiB: more than 55")


@main.command("run")
@click.option("--out", required=True, type=click.Path(path_type=Path))
@click.option("--device", default="auto", show_default=True)
@click.option("--minutes", default=8.0, show_default=True, help="For everything together.")
@click.option(
    "--train",
    "trained",
    multiple=True,
    default=("large",),
    show_default=True,
    metavar="NAME",
    help="A configuration of gflmser/configs to train; several are trained side by side.",
)
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="For all trainings.")
@click.option("--no-measuring", is_flag=True, help="Train alone, after an earlier run.")
@click.option("--quick", is_flag=True, help="Little of everything, on the samples.")
def run_command(
    out: Path,
    device: str,
    minutes: float,
    trained: tuple[str, ...],
    settings: tuple[str, ...],
    no_measuring: bool,
    quick: bool,
) -> None:
    """Check and measure, train for the rest of the time; write gpu.json, weights and curves.

    The packed faces are unpacked beside the code, into ../cache.
    """
    end = time.monotonic() + 60 * minutes
    resolved = resolve_device(device)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="gpu-") as work:
        sets = _prepared(Path(work), quick=quick)
        figures: dict[str, Any] = {"device": _named(resolved), "provenance": provenance()}
        # Written after every part: a machine that is taken away leaves what it has measured.
        parts = {} if no_measuring else _parts(resolved, sets, Path(work), quick=quick)
        for name, part in parts.items():
            begun = time.monotonic()
            try:
                figures[name] = part()
            except Exception as error:  # the parts behind it are worth as much
                figures[name] = {"error": f"{type(error).__name__}: {error}"}
            figures[f"{name}_took_s"] = round(time.monotonic() - begun, 1)
            write_json(out / "gpu.json", figures)
            click.echo(f"{name}: {figures[f'{name}_took_s']} s", err=True)
        torch.cuda.empty_cache()
        laid = (*_small(sets), *settings) if quick else settings
        trainings = [Training(_config(name), laid) for name in trained]
        left = max(0.1, (end - time.monotonic() - _MIN_SECONDS) / 60)
        within = min(left, 0.05) if quick else left
        with side_by_side(trainings, out, device=str(resolved), within=within) as wait:
            figures["trainings"] = wait()
        write_json(out / "gpu.json", figures)
    click.echo(out / "gpu.json")


@main.command("train")
@click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path))
@click.option("--device", default="auto", show_default=True)
@click.option("--within", required=True, type=float, help="Minutes for the whole schedule.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE")
def train_command(
    config: Path, out: Path, device: str, within: float, settings: tuple[str, ...]
) -> None:
    """Train one configuration; weights, curve.jsonl and figures.json lie in OUT."""
    figures = train(
        Training(config, settings), out, device=str(resolve_device(device)), within=within
    )
    write_json(out / "figures.json", figures)
    click.echo(json.dumps(figures))


def _config(name: str) -> Path:
    config = CONFIGS / f"{name}.toml"
    if not config.is_file():
        raise UsageError(f"there is no {config}")
    return config


def _small(sets: dict[str, Path]) -> tuple[str, ...]:
    return (*_SMALL, f'data.sources=[{{path="{next(iter(sets.values()))}"}}]')


def _parts(
    device: torch.device, sets: dict[str, Path], work: Path, *, quick: bool
) -> dict[str, Any]:
    faces = next(iter(sets.values()))
    paper, settings = CONFIGS / "paper.toml", _NARROW if quick else ()
    batch, at_least = (2, 0.0) if quick else (128, 1.0)
    more = (*settings, f"training.batch={batch}", "data.batching=device")
    bf16 = ("training.precision=bf16-mixed", "training.fused=true")
    shipped = [card.name for card in list_weights() if not card.oracle]
    fast = (*more, *(bf16 if device.type == "cuda" else ()))
    return {
        "checks": lambda: checked(device, faces),
        "crops": lambda: crops_per_second(
            device,
            shipped[:1] if quick else shipped,
            batch=2 if quick else 1024,
            at_least=at_least,
            compiled=not quick,
        ),
        "paper_step": lambda: paper_steps(
            paper, device, batch=batch, repeats=1 if quick else 5, settings=settings
        ),
        "paper_training": lambda: training_images_per_second(
            paper, faces, work / "paper", str(device), steps=2 if quick else 40, settings=fast
        ),
    }


def _prepared(work: Path, *, quick: bool) -> dict[str, Path]:
    """The packed sets, unpacked; with `quick` the samples, packed and unpacked on the way."""
    packed = sorted((ROOT / "faces").glob("*.zip"))
    if quick or not packed:
        samples = ROOT / "data" / "samples"
        images = [
            DatasetImage(path.name, path.stem, path.read_bytes)
            for path in sorted(samples.glob("*.jpg"))
        ]
        build(images, work / "samples", name="samples", side=80)
        packed = [work / "wild.zip"]
        pack(work / "samples", packed[0], side=80)
    cache = work if quick else ROOT.parent / "cache"
    for one in packed:
        unpack(one, cache / one.stem)
    return {one.stem: cache / one.stem for one in packed}


def _named(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


if __name__ == "__main__":
    run(main)
