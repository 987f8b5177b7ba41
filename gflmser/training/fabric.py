"""The device, the precision and the processes of a training, by Lightning Fabric."""

from __future__ import annotations

from typing import Any

import torch
from lightning_fabric import Fabric

from gflmser.config import TrainingConfig


def slow_precision(training: TrainingConfig, *, device: str) -> str:
    """What to tell the user when this CPU has to emulate bf16; else empty."""
    has = torch.cpu.get_capabilities()
    fast = any(has.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    if device != "cpu" or training.precision != "bf16-mixed" or fast:
        return ""
    return (
        "bf16-mixed is slow here: this CPU has neither AVX512-BF16 nor AMX; "
        "--set training.precision=32-true is faster"
    )


def make_fabric(training: TrainingConfig, *, device: str, devices: int = 1) -> Fabric:
    """Fabric for one process, or for the processes that torchrun has started (DDP).

    On a CPU `bf16-mixed` is taken at its word; elsewhere mixed precision is for CUDA alone.
    """
    cuda = device.startswith("cuda")
    mixed = cuda or (device == "cpu" and training.precision == "bf16-mixed")
    options: dict[str, Any] = {"strategy": "ddp"} if devices > 1 else {}
    fabric = Fabric(
        accelerator="cuda" if cuda else device,
        devices=[int(device[5:])] if device.startswith("cuda:") else devices,
        precision=training.precision if mixed else "32-true",
        **options,
    )
    fabric.launch()
    return fabric
