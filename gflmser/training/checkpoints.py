"""Training state on disk: written whole or not at all, read without unpickling code."""

from __future__ import annotations

import errno
import pickle
from pathlib import Path
from typing import Any

import torch

from gflmser.schema import ConfigError


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Replace the checkpoint at `path`; one that is cut short leaves the old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    try:
        torch.save(state, partial)
    except RuntimeError as error:  # torch's word for a full disk
        partial.unlink(missing_ok=True)
        raise OSError(errno.ENOSPC, "cannot be written, no space left?", str(path)) from error
    partial.replace(path)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """The state at `path`; tensors and plain values only, anything else is refused.

    Tensors are on the CPU, where Adam's step counters have to stay: each would else be waited for
    in every step. Modules and optimisers move what must move when they load it.
    Raises ConfigError when there is no checkpoint, or none that can be read.
    """
    if not path.is_file():
        raise ConfigError(f"nothing to resume: {path} does not exist")
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # torch's own text advises to load it without the safeguard.
        raise ConfigError(
            f"{path} is not a checkpoint of ours: it holds more than tensors and is not opened"
        ) from error
    except Exception as error:  # a damaged file; zip and pickle each raise their own
        raise ConfigError(
            f"{path} is not a checkpoint of ours: {' '.join(str(error).split())[:200]}"
        ) from error
    if not isinstance(state, dict):
        raise ConfigError(f"{path} is not a checkpoint of ours: no table")
    return state
