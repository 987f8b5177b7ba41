"""State dicts from files, read without running anything that is in the file."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, Final

import torch

from data.errors import ModelError

SUFFIXES: Final = (".safetensors", ".pth", ".pt", ".ckpt", ".pkl")


def read_state(path: Path) -> dict[str, Any]:
    """The table of tensors in a file, on the CPU.

    Pickles go through torch's restricted unpickler (tensors and plain containers, no code);
    TorchScript is refused. Raises ModelError in one line for anything else.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ModelError(f"{path.name} is not a weight file: {', '.join(SUFFIXES)} are")
    try:
        if path.suffix.lower() == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(f"{path.name} holds more than tensors and is not opened") from error
    except Exception as error:  # a damaged file; zip, pickle and safetensors each raise their own
        raise ModelError(f"{path.name} cannot be read: {one_line(error)}") from error
    if not isinstance(state, dict):
        raise ModelError(f"{path.name} holds no table of tensors")
    return state


def one_line(error: Exception) -> str:
    """The message of a foreign error, on one line."""
    return " ".join(str(error).split())[:200] or type(error).__name__
