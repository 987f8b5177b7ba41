"""GFLmser networks as upscalers: those shipped with the code, and files of the same format."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from data.errors import ModelError
from pipeline.upscalers.base import LoadOptions, Upscaler

_MULTIPLE: Final = 4
"""L2H halves its input twice."""


class ShippedWeights:
    """Provider of what `gflmser.weights` lists, and of the files it writes."""

    def names(self) -> list[str]:
        """Names of the weights beside the code, oracles among them."""
        from gflmser.weights import WeightsError, list_weights

        try:
            return [card.name for card in list_weights()]
        except WeightsError as error:
            raise ModelError(f"the shipped weights cannot be listed: {error}") from error

    def reads(self, path: Path) -> bool:
        """Whether the file says that it holds a GFLmser."""
        from safetensors import SafetensorError, safe_open

        if path.suffix != ".safetensors":
            return False
        try:
            with safe_open(path, "np") as file:
                metadata = file.metadata() or {}
        except (SafetensorError, OSError):
            return False
        return str(metadata.get("format", "")).startswith("gflmser-")

    def load(self, name_or_file: str, options: LoadOptions) -> Upscaler:
        """The network of that name or file; oracles only if `options` allow them."""
        from gflmser.restore import load_restorer
        from gflmser.weights import WeightsError, read_card
        from pipeline.environment.devices import resolve_device
        from pipeline.upscalers.inference.batched import NetworkUpscaler
        from pipeline.upscalers.inference.network import Network
        from pipeline.upscalers.oracle import OracleNetwork

        device = resolve_device(options.device)
        try:
            card = read_card(name_or_file)
            if card.oracle and not options.allow_oracle:
                raise ModelError(
                    f"{card.name} is an oracle: it was trained to see the ground truth, which a "
                    "picture to be restored does not have; only benchmarks of the paper may use it"
                )
            # NetworkUpscaler chooses the precision of each pass itself.
            precision = options.precision if card.oracle else "fp32"
            restorer = load_restorer(name_or_file, device=str(device), precision=precision)
        except WeightsError as error:
            raise ModelError(str(error)) from error
        if card.oracle:
            return OracleNetwork(restorer, options.threads)
        network = Network(
            name=restorer.name,
            scale=restorer.scale,
            run=restorer.restore,
            signed=True,
            multiple=_MULTIPLE,
            pure=True,
        )
        return NetworkUpscaler(network, device, options)
