"""One training of a rival, by the same loop and with the same figures as a GFLmser."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

from benchmarks.rivals.registry import RivalConfig, RivalRecipe, make_recipe
from benchmarks.rivals.weights import RivalCard, round_weights, save_rival
from gflmser.schema import dump
from gflmser.training.loop import Outcome
from gflmser.training.run import Options, train_method
from gflmser.weights import Record


def train_rival(
    config: RivalConfig, folder: Path, **options: Unpack[Options]
) -> tuple[Outcome, Path | None]:
    """Train to the end of the schedule or of the minutes; see `training.run.train_method`."""

    def save(recipe: RivalRecipe, record: Record) -> Path:
        card = RivalCard(
            name=config.name,
            method=config.method,
            network=dump(config.network),
            **record.entries(),
        )
        return save_rival(recipe.restorer, card, folder)

    return train_method(
        config,
        lambda: make_recipe(config),
        lambda recipe: round_weights(recipe.restorer),
        save,
        folder,
        **options,
    )
