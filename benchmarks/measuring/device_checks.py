"""What tests on a CPU cannot see of a GPU: each check is a function that raises where it fails."""

from __future__ import annotations

import tempfile
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from gflmser.config import Config, PhaseConfig, Precision, SourceConfig
from gflmser.load import load_gflmser
from gflmser.method import METHOD
from gflmser.training.checkpoints import load_checkpoint
from gflmser.training.device_sampler import DeviceSampler

Check = Callable[[torch.device, Path], None]
"""A check on a device, with a prepared set of faces; raises AssertionError or what went wrong."""


def same_batches(device: torch.device, faces: Path) -> None:
    """Crops of the device are those of the CPU, but for rounding."""
    data = _small(faces).data
    here, there = (
        DeviceSampler(data, seed=1, batch=8, device=d).batch(3, range(8)) for d in ("cpu", device)
    )
    for name in ("hr", "lr", "target"):
        apart = (getattr(here, name) - getattr(there, name).cpu()).abs() * 127.5
        assert float(apart.max()) <= 1.01, f"{name} differs by {float(apart.max()):.2f} levels"


def same_images(device: torch.device, faces: Path) -> None:
    """The shipped default restores on the device what it restores on the CPU."""
    model, _ = load_gflmser("gflmser")
    lr = DeviceSampler(_small(faces).data, seed=1, batch=8, device="cpu").batch(0, range(8)).lr
    with torch.inference_mode():
        here = model.restore(lr)
        there = model.to(device).restore(lr.to(device)).cpu()
    assert _level(here, there) <= 2.0, f"{_level(here, there):.2f} grey levels apart"


def resumed_training(device: torch.device, faces: Path) -> None:
    """All phases learn and go on after --resume; Adam's step counters stay on the CPU."""
    config = _small(faces)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        METHOD.train(config, out, device=str(device), max_steps=4)
        state = load_checkpoint(out / "checkpoint.pt")
        steps = [s["step"] for s in state["optimisers"]["l2h"]["state"].values()]
        assert all(step.device.type == "cpu" for step in steps)
        outcome, weights = METHOD.train(config, out, device=str(device), resume=True)
        assert outcome.finished and weights is not None


def mixed_precision(device: torch.device, faces: Path) -> None:
    """A training in bf16 and, on CUDA, one in fp16 stay finite."""
    kinds: tuple[Precision, ...] = ("bf16-mixed",)
    if device.type == "cuda":
        kinds = (*kinds, "16-mixed")
    for kind in kinds:
        config = _small(faces)
        config = replace(config, training=replace(config.training, precision=kind))
        with tempfile.TemporaryDirectory() as folder:
            outcome, _ = METHOD.train(config, Path(folder), device=str(device))
            assert outcome.finished


CHECKS: Final[Mapping[str, Check]] = {
    "batches of the device are those of the CPU": same_batches,
    "images of the device are those of the CPU": same_images,
    "trains, stops and resumes": resumed_training,
    "mixed precision stays finite": mixed_precision,
}


def checked(device: torch.device, faces: Path) -> dict[str, str]:
    """`ok`, or the last line of what went wrong, for each check."""
    found = {}
    for name, check in CHECKS.items():
        try:
            check(device, faces)
            found[name] = "ok"
        except Exception:  # one failure must not cost the other figures of a lent machine
            found[name] = traceback.format_exc().strip().splitlines()[-1]
    return found


def _small(faces: Path) -> Config:
    """Six steps over the phases of the paper with a network of a few channels."""
    whole = Config()
    sources = (SourceConfig(str(faces), crop=(0.8, 1.0)),)
    phases = (
        PhaseConfig("gan", 3, trains=("h2l", "discriminator"), lr_pixel=1.0, gan=0.1),
        PhaseConfig("restore", 3, trains=("l2h",), hr_pixel=1.0),
    )
    widths = replace(whole.network.widths, r64=8, r32=8, r16=8, r8=8, r4=8)
    return replace(
        whole,
        network=replace(
            whole.network,
            widths=widths,
            groups=1,
            blocks=1,
            judge_width=8,
            initialisation="authors",
        ),
        data=replace(
            whole.data, sources=sources, real_lr=str(faces), camera=0.3, h2l=0.3, batching="device"
        ),
        training=replace(whole.training, batch=8, phases=phases, clip=1.0, ema=0.9),
    )


def _level(a: Tensor, b: Tensor) -> float:
    return float((a - b).abs().max()) * 127.5
