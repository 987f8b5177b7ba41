"""The shipped weights: small files, short cards, and the tensors that were trained."""

import hashlib
import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks.tools.ship_weights import ship
from gflmser.card_history import earlier_trainings, undone, without_network
from gflmser.cards import WeightsError
from gflmser.load import card_of, load_gflmser
from gflmser.network import GFLmser
from gflmser.recipe import GFLmserRecipe
from gflmser.schema import ConfigError
from gflmser.weight_files import read_weights
from gflmser.weights import SHIPPED, files, find, read_card, save_weights
from pipeline.methods import verify_trained
from tests.gflmser.conftest import config, narrow

TENSORS = {
    "gflmser-equal": "8829d65c2bc282622ae4c11c5053a97a5dfdf7bd3f04aa80d33ea392d4b5df99",
    "gflmser-gate": "90bff4e78d64b680b30b5dd6a1fbe98304d29cb0a64e8812fd887f90b478cd21",
    "gflmser-general": "b1ea7c1af0921d11fe2164b29c756c5b3fa23b020343755abf4e9021f8917808",
    "gflmser-nogate": "81402d897e0d243a86e3c40a2460b08a01579310b39441182295f8f064f82d84",
    "gflmser-noskip": "855bf4026d59f8139738cacc304d2951cc12ea98084a04922a486b59d29f8829",
    "gflmser-oracle": "aefae9ba718c268fcfa18f4bbd2c5aaf2d69712483bb90d5fa9570539dcb134c",
    "gflmser": "b1dc3617de7e618ce049933836bc4e6d9376f5a7e49b6a6ed07917c8b90cd331",
    "bulat": "517e4149301997c73060c22221a1f0a4b82726ac2f42915b2288729ea6794b03",
    "cyclegan": "4731769d4933e9d9a9e855bd8bfbb8122e903f701a916e83a94960549b06782d",
    "srgan": "d8f808e0f1dfabbf3896f2369c6bc05eae726eb69aa9233cc59c5c728a8fbcac",
    "srresnet": "e24326a884f4c2cb336e15c8ff89a0586b5d35c1701bf12ca2aef2e099515a7d",
    "wavelet-srnet": "fbd305ca14149d7a58b59c66d2972ca29ccbc602f551829ce948603d16a57466",
}
"""SHA-256 of names and bytes of the tensors that restoring reads, those of 8 bits decoded."""


def tensors_hash(path: Path) -> str:
    _, tensors = read_weights(path)
    digest = hashlib.sha256()
    for key in sorted(tensors):
        digest.update(key.encode())
        digest.update(tensors[key].contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


@pytest.mark.parametrize("name", TENSORS)
def test_tensors_are_those_that_were_shipped(name: str) -> None:
    assert tensors_hash(find(name)) == TENSORS[name]


@pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)
def test_files_are_small_and_their_cards_short(path: Path) -> None:
    assert verify_trained(path) == []
    card = read_card(path)
    alone = card.method == "gflmser" and card.source in ("internal", "none")
    assert (card.role == "restorer") == alone
    assert path.stat().st_size < (6_000_000 if alone else 12_000_000)
    assert len(path.with_suffix(".json").read_text().splitlines()) < 120


def test_the_wheel_has_the_default_alone() -> None:
    setup = (SHIPPED.parents[1] / "setup.cfg").read_text()
    line = next(line for line in setup.splitlines() if line.startswith("data = "))
    patterns = [part.strip() for part in line.partition("=")[2].split(",")]
    packed = {path for pattern in patterns for path in SHIPPED.parent.glob(pattern)}
    assert find("gflmser") in packed
    assert not [path for path in packed if "rivals" in path.parts or "oracle" in path.name]
    assert sum(path.stat().st_size for path in packed) < 15_000_000


def test_tracked_files_are_under_40_mb_together() -> None:
    root = SHIPPED.parents[1]
    if not (root / ".git").exists():
        pytest.skip("not a checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=True)
    paths = [root / name for name in listed.stdout.decode().split("\0") if name]
    assert sum(path.stat().st_size for path in paths if path.is_file()) < 40_000_000


class TestShip:
    @pytest.fixture
    def whole(self, tmp_path: Path) -> Path:
        torch.manual_seed(0)
        network = narrow(source="internal")
        return save_weights(GFLmser(network), card_of("mine", network), tmp_path / "whole")

    def test_leaves_h2l_out_and_restores_the_same(self, whole: Path, tmp_path: Path) -> None:
        alone = ship(whole, tmp_path / "ready")
        assert alone.stat().st_size < 0.8 * whole.stat().st_size
        (model, _), (slim, card) = load_gflmser(whole), load_gflmser(alone)
        lr = torch.rand(2, 3, 16, 16) * 2 - 1
        assert torch.equal(model.restore(lr), slim.restore(lr))
        assert card.role == "restorer"
        with pytest.raises(WeightsError, match="mine holds the restorer alone: it has no H2L"):
            slim.degrade(torch.rand(1, 3, 64, 64), None)

    def test_keeps_h2l_where_skips_come_from_it(self, tmp_path: Path) -> None:
        network = narrow(source="upsampled")
        whole = save_weights(GFLmser(network), card_of("mine", network), tmp_path / "whole")
        ready = ship(whole, tmp_path / "ready")
        assert ready.stat().st_size == whole.stat().st_size
        assert read_card(ready).role == "whole"

    def test_a_training_that_needs_h2l_does_not_start_from_it(
        self, whole: Path, tmp_path: Path, cache: Path
    ) -> None:
        alone = ship(whole, tmp_path / "ready")
        wanted = replace(config(cache, network=narrow(source="internal")), start=str(alone))
        with pytest.raises(
            ConfigError, match=r"mine holds the restorer alone, and data\.h2l needs"
        ):
            GFLmserRecipe(replace(wanted, data=replace(wanted.data, h2l=0.1)))
        wanted = replace(wanted, data=replace(wanted.data, h2l=0.0))
        with pytest.raises(ConfigError, match="mine holds the restorer alone, and phase 'pixel'"):
            GFLmserRecipe(wanted)
        phases = tuple(phase for phase in wanted.training.phases if phase.trains == ("l2h",))
        without = replace(wanted, training=replace(wanted.training, phases=phases))
        trained = load_gflmser(alone)[0].l2h.state_dict()
        for key, tensor in GFLmserRecipe(without).model.l2h.state_dict().items():
            assert torch.equal(tensor, trained[key])


def test_configurations_of_earlier_trainings_can_be_had_back() -> None:
    runs = [
        {"seed": 1, "data": {"h2l": 0.1, "sources": [1]}},
        {"seed": 2, "data": {"h2l": 0.1, "sources": [1, 2]}, "ema": 0.9},
        {"seed": 2, "data": {"sources": [1, 2]}, "ema": 0.99, "network": {"groups": 1}},
    ]
    now = without_network(runs[2])
    earlier = earlier_trainings([{"steps": 1, "training": run} for run in runs[:2]], now)
    assert earlier == earlier_trainings(earlier, now)
    assert json.loads(json.dumps(earlier)) == list(earlier)
    second = undone(earlier[1]["differs"], now)
    assert second == runs[1]
    assert undone(earlier[0]["differs"], second) == runs[0]
