"""A trainable method is one file and an entry point: training, weights and restoring follow."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from data.errors import ModelError
from gflmser.weights import read_card
from pipeline.commands.train import command as train
from pipeline.commands.weights import command as weights
from pipeline.methods import find_method, method_names
from pipeline.upscalers.loading import load_upscaler

METHOD = '''
"""One convolution and a pixel shuffle, trained by squared error."""
from dataclasses import dataclass, field
from typing import Literal

from torch import nn

from gflmser.config import DataConfig, OptimiserConfig, TrainingConfig
from gflmser.training.method import Method


@dataclass(frozen=True)
class ShuffleNetwork:
    width: int = 3


@dataclass(frozen=True)
class ShuffleConfig:
    method: Literal["shuffle"] = "shuffle"
    name: str = "shuffle"
    seed: int = 0
    network: ShuffleNetwork = field(default_factory=ShuffleNetwork)
    data: DataConfig = field(default_factory=DataConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)


def restorer(network):
    return nn.Sequential(
        nn.Conv2d(3, 16 * network.width, 3, padding=1), nn.PixelShuffle(4),
        nn.Conv2d(network.width, 3, 1),
    )


class ShuffleRecipe:
    averaged = ("net",)

    def __init__(self, config):
        self.restorer = restorer(config.network)
        self.modules = {"net": self.restorer}

    def optimiser(self, name):
        return OptimiserConfig(rate=1e-3)

    def step(self, batch, phase, update):
        loss = (self.restorer(batch.lr) - batch.hr).square().mean()
        update(loss, ["net"])
        return {"loss": loss}

    def sample(self, lr, hr):
        return self.restorer(lr)


METHOD = Method(
    name="shuffle", config=ShuffleConfig, recipe=ShuffleRecipe, restorer=restorer
)
'''
TOML = """
method = "shuffle"
name = "mine"
[data]
sources = [{{ path = "{cache}" }}]
[training]
batch = 2
phases = [{{ name = "all", length = 2, trains = ["net"], hr_pixel = 1.0 }}]
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with one method, installed as pip would: a module and its metadata."""
    (tmp_path / "shuffle_method.py").write_text(METHOD)
    info = tmp_path / "shuffle-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shuffle\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[sr_pipeline.methods]\nshuffle = shuffle_method:METHOD\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.fixture
def config(tmp_path: Path, samples: Path) -> Path:
    """A TOML file of the method, on four squares of a sample image."""
    cache = tmp_path / "cache"
    cache.mkdir()
    with Image.open(samples / "obama.jpg") as image:
        rgb = np.asarray(image.convert("RGB"))
    np.save(cache / "images.npy", np.stack([rgb[at : at + 64, at : at + 64] for at in range(4)]))
    (cache / "cache.json").write_text(json.dumps({"name": "obama"}))
    with (cache / "index.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["image"], *([f"{i}.png"] for i in range(4))])
    path = tmp_path / "shuffle.toml"
    path.write_text(TOML.format(cache=cache))
    return path


def test_a_method_of_another_package_is_trained_verified_and_restores(
    installed: None, config: Path, tmp_path: Path, samples: Path
) -> None:
    assert "shuffle" in method_names()
    done = CliRunner().invoke(train, [str(config), "--out", str(tmp_path / "out"), "--quiet"])
    assert done.exit_code == 0, done.output
    file = tmp_path / "out" / "mine.safetensors"
    assert (read_card(file).method, read_card(file).steps) == ("shuffle", 2)
    assert CliRunner().invoke(weights, ["verify", str(file)]).output == f"{file}: ok\n"
    upscaler = load_upscaler(file, device="cpu")
    assert upscaler([np.zeros((5, 7, 3), np.uint8)])[0].shape == (20, 28, 3)


def test_without_its_package_the_file_is_refused_in_one_line(
    installed: None, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    CliRunner().invoke(train, [str(config), "--out", str(tmp_path / "out"), "--quiet"])
    monkeypatch.undo()
    with pytest.raises(ModelError, match="there is no method 'shuffle'; the nearest one is"):
        load_upscaler(tmp_path / "out" / "mine.safetensors", device="cpu")


def test_an_unknown_method_is_answered_with_the_nearest_one() -> None:
    assert method_names()[0] == "gflmser"
    with pytest.raises(ModelError, match="no method 'gflmsr'; the nearest one is 'gflmser'"):
        find_method("gflmsr")
