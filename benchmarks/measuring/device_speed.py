"""How fast networks restore and learn on a device."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from benchmarks.tools.step_time import VARIANTS, step_times
from gflmser.config import Config, SourceConfig
from gflmser.load import load_gflmser
from gflmser.method import METHOD
from gflmser.schema import load

_FEW: Final = 4
"""Images of a step of the authors' loop."""


def seconds_of(work: Callable[[], object], device: torch.device, *, at_least: float) -> float:
    """Mean seconds of `work`, repeated for `at_least` seconds after a turn that is not counted."""
    work()
    _wait(device)
    count, begun = 0, time.perf_counter()
    while not count or time.perf_counter() - begun < at_least:
        work()
        _wait(device)
        count += 1
    return (time.perf_counter() - begun) / count


def crops_per_second(
    device: torch.device, names: Sequence[str], *, batch: int, at_least: float, compiled: bool
) -> list[dict[str, object]]:
    """Faces of 16x16 a second by each of the named weights: fp32, bf16, bf16 compiled."""
    rows: list[dict[str, object]] = []
    for name in names:
        model, _ = load_gflmser(name)
        model = model.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        lr = torch.zeros(batch, 3, 16, 16, device=device).to(memory_format=torch.channels_last)
        row: dict[str, object] = {"weights": name, "batch": batch}
        for kind in ("fp32", "bf16", *(["compiled"] if compiled else [])):
            with contextlib.suppress(Exception):  # not compiled is no reason to lose the rest
                restore = torch.compile(model.restore) if kind == "compiled" else model.restore
                work = _restoring(restore, lr, bf16=kind != "fp32")
                row[f"{kind}_per_s"] = batch / seconds_of(work, device, at_least=at_least)
        rows.append(row)
    return rows


def _restoring(restore: Callable[..., Tensor], lr: Tensor, *, bf16: bool) -> Callable[[], Tensor]:
    @torch.inference_mode()
    def work() -> Tensor:
        with torch.autocast(lr.device.type, torch.bfloat16, enabled=bf16):
            return restore(lr)

    return work


def paper_steps(
    config: Path, device: torch.device, *, batch: int, repeats: int, settings: tuple[str, ...]
) -> dict[str, object]:
    """Seconds of a training step with the gate, without it, and with the authors' loop."""
    whole = load(Config, config, settings)
    fast = {
        one.variant: one.median for one in step_times(whole, device, batch, repeats, VARIANTS[:2])
    }
    # The loop starts kernels for every channel of every image: a whole batch would take minutes.
    few = {one.variant: one.median for one in step_times(whole, device, min(batch, _FEW), 1)}
    return {
        "batch": batch,
        "median_s": fast,
        "gate_over_no_gate": fast["gate"] / fast["no gate"],
        "batch_of_the_loop": min(batch, _FEW),
        "loop_median_s": few,
        "loop_over_gate": few["gate as a loop"] / few["gate"],
    }


def training_images_per_second(
    config: Path, faces: Path, out: Path, device: str, *, steps: int, settings: tuple[str, ...]
) -> Mapping[str, float]:
    """Images per second of the whole training of the paper's last phase, batches included.

    The first half of the steps is not counted.
    """
    whole = load(Config, config, settings)
    last = replace(whole.training.phases[-1], length=steps)
    data = replace(whole.data, sources=(SourceConfig(str(faces)),), real_lr=str(faces))
    training = replace(whole.training, epoch_images=0, phases=(last,))
    config_of_run = replace(whole, data=data, training=training)
    half, _ = METHOD.train(config_of_run, out, device=device, max_steps=steps // 2)
    done, _ = METHOD.train(config_of_run, out, device=device, resume=True)
    seconds = done.seconds - half.seconds
    images = (done.step - half.step) * training.batch
    return {"images_per_s": images / seconds, "seconds": seconds, "batch": training.batch}


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
