"""Networks that our own training made, of any method: shipped ones by name, and files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from data.errors import ModelError
from pipeline.methods import GFLMSER, load_trained
from pipeline.upscalers.base import LoadOptions, Upscaler

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from gflmser.cards import ModelCard

_MULTIPLE: Final = 4
"""L2H halves its input twice."""
_SMALLEST: Final = 2
"""Input pixels; below, CycleGAN's reflected borders have nothing to reflect."""


class TrainedWeights:
    """Provider of the weights beside the code, and of every file that `save_weights` writes."""

    def names(self) -> list[str]:
        """Names of the shipped weights, oracles among them."""
        from gflmser.weights import files

        return [file.stem for file in files()]

    def reads(self, path: Path) -> bool:
        """Whether the file says that it holds our weights."""
        from gflmser.weight_files import is_weights

        return is_weights(path)

    def load(self, name_or_file: str, options: LoadOptions) -> Upscaler:
        """The network of that name or file; oracles only if `options` allow them."""
        from gflmser.cards import WeightsError
        from gflmser.weights import read_card
        from pipeline.environment.devices import resolve_device

        device = resolve_device(options.device)
        try:
            card = read_card(name_or_file)
            if card.oracle and not options.allow_oracle:
                raise ModelError(
                    f"{card.name} is an oracle: it was trained to see the ground truth, which a "
                    "image to be restored does not have; only benchmarks of the paper may use it"
                )
            if card.method == GFLMSER:
                return _gflmser(name_or_file, card, device, options)
        except WeightsError as error:
            raise ModelError(str(error)) from error
        return _other(name_or_file, device, options)


def _gflmser(
    name_or_file: str, card: ModelCard, device: torch.device, options: LoadOptions
) -> Upscaler:
    from gflmser.restore import load_restorer
    from pipeline.upscalers.inference.batched import NetworkUpscaler
    from pipeline.upscalers.inference.network import Network
    from pipeline.upscalers.inference.onnx_passes import onnx_passes
    from pipeline.upscalers.oracle import OracleNetwork

    # NetworkUpscaler chooses the precision of each pass itself; an oracle does not go through it.
    precision = options.precision if card.oracle else "fp32"
    restorer = load_restorer(name_or_file, device=str(device), precision=precision)
    if card.oracle:
        return OracleNetwork(restorer, options.threads)
    plain = device.type == "cpu" and options.precision == "fp32" and not options.compiled
    network = Network(
        name=restorer.name,
        scale=restorer.scale,
        run=restorer.restore,
        short=onnx_passes(restorer) if plain else None,
        signed=True,
        multiple=_MULTIPLE,
        pure=True,
    )
    return NetworkUpscaler(network, device, options)


def _other(name_or_file: str, device: torch.device, options: LoadOptions) -> Upscaler:
    from pipeline.upscalers.inference.batched import NetworkUpscaler
    from pipeline.upscalers.inference.network import Network

    restorer, card = load_trained(name_or_file)
    run = _Padded(restorer.to(device), card.scale)
    network = Network(name=card.name, scale=card.scale, run=run, signed=True, multiple=_MULTIPLE)
    return NetworkUpscaler(network, device, options)


class _Padded:
    """A restorer on images of any size."""

    def __init__(self, restorer: nn.Module, scale: int) -> None:
        import torch

        self._restorer = restorer.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._scale = scale

    def __call__(self, lr: Tensor) -> Tensor:
        from torch.nn import functional

        height, width = lr.shape[-2:]
        down, right = max(0, _SMALLEST - height), max(0, _SMALLEST - width)
        if down or right:
            lr = functional.pad(lr, (0, right, 0, down), mode="replicate")
        made: Tensor = self._restorer(lr)
        return made[..., : self._scale * height, : self._scale * width]
