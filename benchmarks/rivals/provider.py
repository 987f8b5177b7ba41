"""The rivals as upscalers: a Provider that `pipeline.upscalers.registry` asks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from data.errors import ModelError
from pipeline.upscalers.base import LoadOptions, Upscaler

if TYPE_CHECKING:
    from torch import Tensor, nn

_SMALLEST: Final = 2
"""Input pixels; below, CycleGAN's reflected borders have nothing to reflect."""


class RivalWeights:
    """Names of shipped rivals, and files that hold one."""

    def names(self) -> list[str]:
        """The rivals beside the code."""
        from benchmarks.rivals.weights import RIVALS

        return sorted(path.stem for path in RIVALS.glob("*.safetensors"))

    def reads(self, path: Path) -> bool:
        """Whether the file says that it holds a rival."""
        from benchmarks.rivals.weights import rival_file

        return path.suffix == ".safetensors" and rival_file(path) is not None

    def load(self, name_or_file: str, options: LoadOptions) -> Upscaler:
        """The rival of that name or file; ModelError when the file cannot be used."""
        from benchmarks.rivals.weights import load_rival, rival_file
        from pipeline.environment.devices import resolve_device
        from pipeline.upscalers.inference.batched import NetworkUpscaler
        from pipeline.upscalers.inference.network import Network

        path = rival_file(name_or_file)
        if path is None:
            raise ModelError(f"{name_or_file} is no weight file of a rival")
        device = resolve_device(options.device)
        restorer, card = load_rival(path)
        network = Network(
            name=card.name, scale=4, run=_Padded(restorer.to(device)), signed=True, multiple=4
        )
        return NetworkUpscaler(network, device, options)


class _Padded:
    """A restorer on pictures of any size."""

    def __init__(self, restorer: nn.Module) -> None:
        import torch

        self._restorer = restorer.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def __call__(self, lr: Tensor) -> Tensor:
        from torch.nn import functional

        height, width = lr.shape[-2:]
        down, right = max(0, _SMALLEST - height), max(0, _SMALLEST - width)
        if down or right:
            lr = functional.pad(lr, (0, right, 0, down), mode="replicate")
        made: Tensor = self._restorer(lr)
        return made[..., : 4 * height, : 4 * width]
