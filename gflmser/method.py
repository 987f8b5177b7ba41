"""GFLmser as a method that can be trained: from its configuration to its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Unpack

from torch import nn

from gflmser.cards import ModelCard, WeightsError
from gflmser.config import Config
from gflmser.load import build_gflmser
from gflmser.network import GFLmser
from gflmser.recipe import GFLmserRecipe
from gflmser.schema import ConfigError
from gflmser.training.loop import Outcome
from gflmser.training.method import Method
from gflmser.training.run import Options
from gflmser.weights import history

_LIMITS: Final = (
    "Where training.phases has hr_detector, a loss of oriented gradients was used: it helps HOG,"
    " the detector that `accuracy` is measured with, more than it may help others.",
)


class _GFLmser(Method):
    """A method that can go on from earlier weights, and whose card may leave H2L out."""

    def build(self, card: ModelCard) -> nn.Module:
        """See `build_gflmser`."""
        return build_gflmser(card)

    def train(
        self, config: Config, folder: Path, **options: Unpack[Options]
    ) -> tuple[Outcome, Path | None]:
        """Train to the end of the schedule or of the minutes; see `train_method`."""
        if options.get("resume", False):  # the checkpoint has what `start` once gave
            config = replace(config, start="")
        elif config.start:
            options["earlier"] = _history(config.start)
        return super().train(config, folder, **options)


def _history(start: str) -> Sequence[Mapping[str, Any]]:
    try:
        return history(start)
    except WeightsError as error:
        raise ConfigError(f"'start': {error}") from error


METHOD: Final = _GFLmser(
    name="gflmser", config=Config, recipe=GFLmserRecipe, restorer=GFLmser, limits=_LIMITS
)
