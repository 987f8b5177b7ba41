"""A method that can be trained and that restores: what the registry of methods holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Unpack, get_type_hints

from torch import nn

from gflmser.cards import ModelCard, Record, WeightsError
from gflmser.schema import dump, parse
from gflmser.training.loop import Outcome
from gflmser.training.protocols import Recipe
from gflmser.training.run import Options, Trainable, train_method
from gflmser.weights import round_weights, save_weights


class RestoringRecipe(Recipe, Protocol):
    """A recipe that says which of its modules is the restorer."""

    @property
    def restorer(self) -> nn.Module:
        """The module that the weights hold; see `Method.build`."""
        ...


@dataclass(frozen=True, kw_only=True)
class Method:
    """One trainable method. Register it by an entry point of the group `sr_pipeline.methods`.

    METHOD = Method(name="mine", config=MineConfig, recipe=MineRecipe, restorer=MineNetwork)
    """

    name: str
    """As the entry point, the key `method` of a TOML file and the card call it."""
    config: type[Any]
    """A frozen dataclass: what a TOML file is read into. See `Trainable`."""
    recipe: Callable[[Any], RestoringRecipe]
    """From a configuration to the recipe, its networks freshly initialised."""
    restorer: Callable[[Any], nn.Module]
    """From a `network` of the configuration to `(N, 3, H, W)` -> `(N, 3, 4H, 4W)` in [-1, 1]."""
    limits: tuple[str, ...] = ()
    """What cards of this method say beside the limits of every method."""

    def build(self, card: ModelCard) -> nn.Module:
        """The restorer that a card describes, not yet trained.

        Raises WeightsError for a card of another method and ConfigError for a network that cannot
        be.
        """
        if card.method != self.name:
            raise WeightsError(f"its method is '{card.method}', not {self.name}")
        network = get_type_hints(self.config)["network"]
        return self.restorer(parse(network, card.network, at="network"))

    def train(
        self,
        config: Any,  # noqa: ANN401 - see the field of that name
        folder: Path,
        **options: Unpack[Options],
    ) -> tuple[Outcome, Path | None]:
        """Train to the end of the schedule or of the minutes; see `train_method`."""

        def save(recipe: RestoringRecipe, record: Record) -> Path:
            return save_weights(recipe.restorer, self._card(config, record), folder)

        return train_method(
            config,
            lambda: self.recipe(config),
            lambda recipe: round_weights(recipe.restorer),
            save,
            folder,
            **options,
        )

    def _card(self, config: Trainable, record: Record) -> ModelCard:
        entries = record.entries()
        entries["limits"] = (*record.limits, *self.limits)
        return ModelCard(
            name=config.name, method=self.name, network=dump(config.network), **entries
        )
