"""The rivals by name: what a TOML file of each is read into, and what trains and restores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from torch import nn

from benchmarks.rivals.bulat.network import BulatL2H, BulatNetwork
from benchmarks.rivals.bulat.recipe import BulatConfig, BulatRecipe
from benchmarks.rivals.cyclegan.network import CycleganNetwork, CycleganRestorer
from benchmarks.rivals.cyclegan.recipe import CycleganConfig, CycleganRecipe
from benchmarks.rivals.srgan.network import SrganGenerator, SrganNetwork
from benchmarks.rivals.srgan.recipe import SrganConfig, SrganRecipe
from benchmarks.rivals.wavelet_srnet.network import WaveletNetwork, WaveletSrnet
from benchmarks.rivals.wavelet_srnet.recipe import WaveletConfig, WaveletRecipe
from gflmser.schema import ConfigError, load, read_toml
from gflmser.training.protocols import Recipe

RivalConfig = SrganConfig | CycleganConfig | BulatConfig | WaveletConfig


class RivalRecipe(Recipe, Protocol):
    """A recipe that says which of its modules is the restorer: x4, pictures in [-1, 1]."""

    @property
    def restorer(self) -> nn.Module:
        """`(N, 3, H, W)` to `(N, 3, 4H, 4W)`."""
        ...


@dataclass(frozen=True, slots=True)
class Method:
    """One rival."""

    config: type[RivalConfig]
    network: type
    recipe: Callable[[Any], RivalRecipe]
    restorer: Callable[[Any], nn.Module]
    """From a `network` to the module that restores."""


METHODS: Final[dict[str, Method]] = {
    "srgan": Method(SrganConfig, SrganNetwork, SrganRecipe, SrganGenerator),
    "cyclegan": Method(CycleganConfig, CycleganNetwork, CycleganRecipe, CycleganRestorer),
    "bulat": Method(BulatConfig, BulatNetwork, BulatRecipe, BulatL2H),
    "wavelet-srnet": Method(WaveletConfig, WaveletNetwork, WaveletRecipe, WaveletSrnet),
}


def is_rival(path: Path) -> bool:
    """Whether a TOML file is for a rival: it has a `method`, which those of GFLmser have not."""
    try:
        return "method" in read_toml(path)
    except ConfigError:
        return False


def load_config(path: Path, settings: Sequence[str] = ()) -> RivalConfig:
    """The configuration in `path` with each `dotted.key=value` of `settings` laid over it.

    Raises ConfigError for an unknown method and for all that `gflmser.schema.load` refuses.
    """
    name = read_toml(path).get("method")
    if name not in METHODS:
        raise ConfigError(f"{path}: method {name!r} is not one of {', '.join(METHODS)}")
    return load(METHODS[name].config, path, settings)


def make_recipe(config: RivalConfig) -> RivalRecipe:
    """The recipe of a configuration, its networks freshly initialised."""
    return METHODS[config.method].recipe(config)
