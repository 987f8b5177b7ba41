"""Where a network runs: one function that turns a word into a device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data.errors import ModelError

if TYPE_CHECKING:
    import torch

    from pipeline.names import Precision


def resolve_device(name: str) -> torch.device:
    """The device called `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.

    `auto` is the first CUDA GPU, else Apple's, else the CPU. Raises ModelError when the word is
    none of these or the device is not on this machine; nothing falls back silently.
    """
    import torch

    if name == "auto":
        return _best()
    kind, colon, index = name.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (
        colon and not (kind == "cuda" and index.isascii() and index.isdecimal() and len(index) < 4)
    ):
        raise ModelError(f"device {name!r} is not one of auto, cpu, cuda, cuda:N, mps")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise ModelError("device 'mps' is not available here")
    if kind == "cuda":
        return torch.device("cuda", _gpu(name, int(index) if index else 0))
    return torch.device(kind)


def check_precision(device: torch.device, precision: Precision) -> None:
    """Raise ModelError when `precision` does not suit `device` (fp16 convolutions on a CPU)."""
    if precision not in ("fp32", "bf16", "fp16"):
        raise ModelError(f"precision {precision!r} is not one of fp32, bf16, fp16")
    if precision == "fp16" and device.type == "cpu":
        raise ModelError("fp16 is for GPUs; on the CPU use fp32 (or bf16, often slower)")


def _best() -> torch.device:
    import torch

    if torch.cuda.is_available():
        return torch.device("cuda", 0)
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def _gpu(name: str, index: int) -> int:
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if index >= count:
        built = "" if torch.version.cuda else "; this torch is built without CUDA"
        raise ModelError(f"device {name!r} is not here: {count} CUDA GPUs found{built}")
    return index
