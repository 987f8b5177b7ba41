"""dlib's network with changes of `pipeline.identity.tuning`, for restored faces."""

from __future__ import annotations

import copy
import functools
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from data.atomic import whole_file
from data.errors import ModelError
from data.safe_text import one_line
from gflmser.quantised import QuantisationError, quantise, restored
from pipeline.identity.dlib_in_torch import shared_net
from pipeline.identity.embedding import Embedder
from pipeline.identity.tuning.low_rank import changed_weights

__all__ = ["load_changes", "load_tuned_embedder", "save_changes"]


def save_changes(
    changes: Mapping[str, Tensor], path: Path, *, note: str, eight_bits: bool = False
) -> None:
    """Write the tensors of `Changes.layers` with a note of where they are from.

    They are stored in half precision, or with `eight_bits` in half of those bytes: matrices by
    `gflmser.quantised`. `load_tuned_embedder` reads the file.
    """
    from safetensors.torch import save_file

    halves = {name: values.detach().half().contiguous() for name, values in changes.items()}
    stored = quantise(halves) if eight_bits else halves
    with whole_file(path) as temporary:
        save_file(stored, temporary, {"format": "sr-pipeline embedder changes", "note": note})


def load_changes(path: Path) -> dict[str, Tensor]:
    """What `save_changes` wrote, float32; raises `ModelError` for a missing or broken file."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        stored = load_file(path)
        if any(values.dtype == torch.int8 for values in stored.values()):
            stored = restored(stored)
        return {name: values.float() for name, values in stored.items()}
    except (OSError, SafetensorError, QuantisationError) as error:
        raise ModelError(f"{path} does not change dlib's network: {one_line(error)}") from error


@functools.lru_cache(maxsize=2)
def load_tuned_embedder(path: Path) -> Embedder:
    """dlib's network, and the changed one for mirror images of restored faces.

    Raises `ModelError` on one line when the file is missing, broken or of another network.
    """
    net, changes = shared_net(), load_changes(path)
    try:
        weights = changed_weights(net, changes)
    except (KeyError, RuntimeError) as error:
        raise ModelError(f"{path} does not change dlib's network: {one_line(error)}") from error
    if not weights or not all(bool(torch.isfinite(one).all()) for one in weights.values()):
        raise ModelError(f"{path} does not change dlib's network: no numbers")
    tuned = copy.deepcopy(net)
    tuned.load_state_dict(weights, strict=False)
    return Embedder(net, tuned)
