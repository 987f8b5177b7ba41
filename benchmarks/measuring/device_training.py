"""Trainings side by side on a lent device, each a process of its own, and what they reach.

Small networks leave a large GPU waiting between their kernels: several trainings fill the gaps.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from gflmser.camera.sets import SETS
from gflmser.config import Config
from gflmser.method import METHOD
from gflmser.network import enlarge
from gflmser.schema import load
from gflmser.tensors import to_tensor
from gflmser.training.sampler import LR
from pipeline.evaluation.validation import reduced

TRIED: Final = ("clean", "noise10", "blur1", "jpeg40", "mixed")
"""Degraded sets that need nothing but Pillow."""
_PATIENCE: Final = 90.0
"""Seconds that a training may end later than it was told: compiling, and writing its weights."""


@dataclass(frozen=True, slots=True)
class Training:
    """One configuration to be trained, and what is laid over it."""

    config: Path
    settings: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The file's name, without its ending."""
        return self.config.stem


class Gains:
    """Gains over bicubic in dB RGB while a training runs, appended to a file of JSON lines."""

    def __init__(self, images: Sequence[NDArray[np.uint8]], crop: float, path: Path) -> None:
        self._path, self._begun = path, time.monotonic()
        rng = np.random.default_rng(0)
        squares = [Image.fromarray(reduced(image, crop)[0]) for image in images]
        self._pairs = {
            name: [torch.cat(column) for column in zip(*_degraded(name, squares, rng), strict=True)]
            for name in TRIED
        }

    def __call__(self, restore: Callable[[Tensor, Tensor | None], Tensor], step: int) -> Any:  # noqa: ANN401 - figures by name
        """Measure, write a line, and give the figures to the log."""
        # A compiled network would be compiled anew for a batch of this size.
        with torch.compiler.set_stance("force_eager"):
            figures = {name: self._gain(restore, *pair) for name, pair in self._pairs.items()}
        seconds = round(time.monotonic() - self._begun, 1)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, "s": seconds, **figures}) + "\n")
        return figures

    @staticmethod
    def _gain(restore: Callable[[Tensor, Tensor | None], Tensor], hr: Tensor, lr: Tensor) -> float:
        made = restore(lr, hr).float().cpu().clamp(-1, 1)
        return round(_psnr(made, hr) - _psnr(enlarge(lr).clamp(-1, 1), hr), 3)


def train(training: Training, out: Path, *, device: str, within: float) -> dict[str, Any]:
    """Train in `out` within so many minutes; the figures. Weights and curve lie in `out`."""
    config = load(Config, training.config, training.settings)

    def validator(images: Sequence[NDArray[np.uint8]], crops: Sequence[float], _log: object) -> Any:  # noqa: ANN401
        return Gains(images, min(crops), out / "curve.jsonl")

    outcome, weights = METHOD.train(
        config,
        out,
        device=device,
        within=within,
        stream=sys.stderr,
        make_validator=validator,
    )
    return {
        "steps": outcome.step,
        "images": outcome.step * config.training.batch,
        "seconds": round(outcome.seconds, 1),
        "images_per_s": round(outcome.step * config.training.batch / outcome.seconds, 1),
        "gains": dict(outcome.metrics),
        "weights": None if weights is None else weights.name,
        "bytes": 0 if weights is None else weights.stat().st_size,
    }


@contextmanager
def side_by_side(
    trainings: Sequence[Training], out: Path, *, device: str, within: float
) -> Iterator[Callable[[], dict[str, Any]]]:
    """Begin all trainings; inside, a call waits for them and gives the figures of each.

    The output of each lies in `out/NAME.log`, its weights and its curve in `out/NAME`. At the end
    those that have not ended in time are killed: what they had written stays.
    """
    running = {one.name: _begun(one, out, device=device, within=within) for one in trainings}
    end = time.monotonic() + 60 * within + _PATIENCE

    def wait() -> dict[str, Any]:
        return {name: _ended(process, out / name, end) for name, process in running.items()}

    try:
        yield wait
    finally:
        for process in running.values():
            process.kill()
            process.wait()


def _begun(training: Training, out: Path, *, device: str, within: float) -> subprocess.Popen[bytes]:
    folder = out / training.name
    folder.mkdir(parents=True, exist_ok=True)
    words = [sys.executable, "-m", "benchmarks.gpu", "train", str(training.config)]
    words += ["--out", str(folder), "--device", device, "--within", str(within)]
    words += [word for setting in training.settings for word in ("--set", setting)]
    with (out / f"{training.name}.log").open("wb") as log:
        return subprocess.Popen(words, stdout=log, stderr=log)


def _ended(process: subprocess.Popen[bytes], folder: Path, end: float) -> dict[str, Any]:
    try:
        code = process.wait(max(0.0, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        return {"error": "it had not ended in time"}
    figures = folder / "figures.json"
    if code or not figures.is_file():
        return {"error": f"it ended with code {code}; see {folder.name}.log"}
    found: dict[str, Any] = json.loads(figures.read_text("utf-8"))
    return found


def _degraded(
    name: str, squares: Sequence[Image.Image], rng: np.random.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    for square in squares:
        hr, lr = SETS[name](square, LR, rng)
        yield to_tensor(hr[None]), to_tensor(lr[None])


def _psnr(made: Tensor, target: Tensor) -> float:
    """Mean over images, in dB; images in [-1, 1]."""
    error = ((made - target) / 2).square().mean((1, 2, 3)).clamp_min(1e-10)
    return float((-10 * error.log10()).mean())
