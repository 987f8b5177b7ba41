"""The GFLmser weights of this repository as upscalers."""

from pipeline.errors import ModelError
from pipeline.upscalers.protocol import LoadOptions, Upscaler


class ShippedWeights:
    """Provider of what `gflmser.weights` lists."""

    def names(self) -> list[str]:
        """Names of the weights found beside the code."""
        return []

    def load(self, name: str, options: LoadOptions) -> Upscaler:
        """The network called `name`."""
        raise ModelError(f"{name}: networks are not there yet ({options.device})")
