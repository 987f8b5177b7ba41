"""Files of sigmas: one for an upscaler, tied to the hash of its weights."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Final

import numpy as np

from data.atomic import whole_file
from data.regular_files import is_regular
from pipeline.identity.identifier import upscaler_digest
from pipeline.uncertainty.quadratic import Quadratic
from pipeline.uncertainty.sigma import Sigma

__all__ = ["file_of", "load_sigma", "save_sigma"]

_FOLDER: Final = Path(__file__).parent
_FORMAT: Final = "sr-pipeline sigma 1"


def file_of(upscaler: str) -> Path:
    """Where the sigma of a shipped upscaler lies."""
    return _FOLDER / f"{upscaler}.safetensors"


def save_sigma(sigma: Sigma, upscaler: str, origin: dict[str, object], file: Path) -> None:
    """Write `file`; `origin` says how it was made, JSON-ready.

    Raises ValueError for an upscaler without weights of ours.
    """
    from safetensors.numpy import save_file

    digest = upscaler_digest(upscaler)
    if digest is None:
        raise ValueError(f"{upscaler} has no weights: nothing to tie a sigma to")
    tensors = {
        **sigma.image.tensors("image"),
        **sigma.pixel.tensors("pixel"),
        **sigma.quality.tensors("quality"),
        "usual": sigma.usual,
        "distances": sigma.distances,
    }
    notes = {
        "format": _FORMAT,
        "weights": digest,
        "scales": json.dumps(dict(sigma.scales), sort_keys=True),
        "origin": json.dumps(origin, sort_keys=True),
    }
    with whole_file(file) as temporary:
        save_file(tensors, temporary, notes)


@functools.lru_cache(maxsize=8)
def load_sigma(upscaler: str) -> Sigma | None:
    """The sigma of an upscaler; None where none was fitted to exactly these weights.

    Example:
        >>> load_sigma("bicubic") is None
        True
    """
    from safetensors import safe_open

    digest = upscaler_digest(upscaler)
    file = file_of(Path(upscaler).stem if is_regular(Path(upscaler)) else upscaler)
    if digest is None or not file.is_file():
        return None
    with safe_open(file, "numpy") as opened:
        notes = opened.metadata()
        tensors = {name: np.asarray(opened.get_tensor(name)) for name in opened.keys()}  # noqa: SIM118
    if notes["format"] != _FORMAT or notes["weights"] != digest:
        return None
    return Sigma(
        image=Quadratic.of(tensors, "image"),
        pixel=Quadratic.of(tensors, "pixel"),
        quality=Quadratic.of(tensors, "quality"),
        usual=tensors["usual"],
        distances=tensors["distances"],
        scales={str(k): float(v) for k, v in json.loads(notes["scales"]).items()},
    )
