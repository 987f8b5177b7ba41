"""A trained H2L as a function: high-resolution faces in, a quarter of their size out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from gflmser.cards import ModelCard, WeightsError
from gflmser.load import load_gflmser
from gflmser.network import SCALE, GFLmser
from gflmser.tensors import to_pixels, to_tensor

MULTIPLE: Final = 16
"""H2L halves its input four times: both sides are multiples of this."""


class Degrader:
    """Degrades images with the H2L of one network."""

    scale: Final = SCALE

    def __init__(self, model: GFLmser, card: ModelCard, *, device: str = "cpu") -> None:
        """Raises WeightsError when there is no H2L, or when its training never trained it."""
        if card.role == "restorer":
            raise WeightsError(f"'{card.name}' holds the restorer alone: it has no H2L")
        if not any(_trained_h2l(run) for run in (card.training, *_earlier(card))):
            raise WeightsError(f"'{card.name}' has no trained H2L: no phase of it trained h2l")
        self.name = card.name
        self._device = torch.device(device)
        self._h2l = model.h2l.to(self._device).eval()

    @torch.inference_mode()
    def __call__(self, images: NDArray[np.uint8], seeds: Sequence[int]) -> NDArray[np.uint8]:
        """`(N, H, W, 3)` uint8 to `(N, H/4, W/4, 3)` uint8, one degradation for each.

        The noise of image i is drawn by `seeds[i]` alone. Raises ValueError for sides that are no
        multiples of 16, or for another number of seeds.

        Example:
            lr = load_degrader("h2l.safetensors")(hr, range(len(hr)))
        """
        count, height, width, _ = images.shape
        if height % MULTIPLE or width % MULTIPLE:
            raise ValueError(f"sides must be multiples of {MULTIPLE}, not {height}x{width}")
        if len(seeds) != count:
            raise ValueError(f"{len(seeds)} seeds for {count} images")
        shape = (1, height, width)
        drawn = [np.random.default_rng(seed).standard_normal(shape, np.float32) for seed in seeds]
        hr = to_tensor(images).to(self._device)
        return to_pixels(
            self._h2l(hr, torch.from_numpy(np.stack(drawn)).to(self._device))[0].clamp(-1, 1)
        )


def load_degrader(name_or_path: str | Path, *, device: str = "cpu") -> Degrader:
    """The H2L of a shipped name or of a safetensors file; raises WeightsError if there is none."""
    model, card = load_gflmser(name_or_path)
    return Degrader(model, card, device=device)


def _trained_h2l(run: Mapping[str, Any]) -> bool:
    phases = run.get("training", {}).get("phases", ())
    return any("h2l" in phase.get("trains", ()) for phase in phases)


def _earlier(card: ModelCard) -> list[Mapping[str, Any]]:
    return [one.get("training", {}) for one in card.earlier]
