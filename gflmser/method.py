"""GFLmser as a method that can be trained: from its configuration to its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Unpack

from gflmser.config import Config
from gflmser.recipe import GFLmserRecipe
from gflmser.schema import ConfigError
from gflmser.training.loop import Outcome
from gflmser.training.run import Options, train_method
from gflmser.weights import Card, Record, WeightsError, half, history, save_weights


def train(config: Config, folder: Path, **options: Unpack[Options]) -> tuple[Outcome, Path | None]:
    """Train a GFLmser to the end of the schedule or of the minutes; see `train_method`."""

    def save(recipe: GFLmserRecipe, record: Record) -> Path:
        card = Card(name=config.name, network=config.network, **record.entries())
        return save_weights(recipe.model, card, folder)

    if options.get("resume", False):  # the checkpoint has what `start` once gave
        config = replace(config, start="")
    elif config.start:
        options["earlier"] = _history(config.start)
    return train_method(
        config,
        lambda: GFLmserRecipe(config),
        lambda recipe: half(recipe.model),
        save,
        folder,
        **options,
    )


def _history(start: str) -> Sequence[Mapping[str, Any]]:
    try:
        return history(start)
    except WeightsError as error:
        raise ConfigError(f"'start': {error}") from error
