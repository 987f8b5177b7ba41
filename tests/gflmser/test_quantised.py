"""Weights at 8 bits: half the bytes, bounded errors, refused when damaged, used as any others."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file as load_arrays
from safetensors.torch import load_file, save_file
from torch import Tensor

from benchmarks.tools.ship_weights import ship
from gflmser.cards import ModelCard, WeightsError
from gflmser.load import card_of, load_gflmser
from gflmser.network import GFLmser
from gflmser.quantised import QuantisationError, quantise, restored
from gflmser.recipe import GFLmserRecipe
from gflmser.weight_files import read_weights
from gflmser.weights import find, list_weights, read_card, save_weights
from pipeline.methods import verify_trained
from tests.gflmser.conftest import config, narrow
from tests.gflmser.test_onnx_export import assert_same_pixels

HEAD = "l2h.body.head.weight"


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    network = narrow(source="internal")
    return save_weights(GFLmser(network), card_of("mine", network), tmp_path / "whole")


@pytest.fixture
def small(whole: Path, tmp_path: Path) -> Path:
    return ship(whole, tmp_path / "small", int8=True)


class TestTensors:
    @pytest.mark.parametrize("shape", [(5, 3), (8, 4, 3, 3), (1, 1, 1, 1)], ids=str)
    def test_no_value_moves_by_more_than_half_a_step(self, shape: tuple[int, ...]) -> None:
        torch.manual_seed(0)
        channels = torch.logspace(-6, 2, shape[0]).view(-1, *(1,) * (len(shape) - 1))
        values = torch.randn(shape) * channels
        largest = values.flatten(1).abs().amax(1).view(channels.shape)
        moved = (restored(quantise({"w": values}))["w"] - values).abs()
        assert (moved <= largest / 254 * (1 + 1e-5)).all()

    def test_a_second_round_changes_no_whole_number(self) -> None:
        torch.manual_seed(0)
        once = quantise({"w": torch.randn(64, 32, 3, 3)})
        assert torch.equal(quantise(restored(once))["w"], once["w"])

    def test_zeros_and_small_tensors_stay(self) -> None:
        tensors = {"zeros": torch.zeros(2, 3), "bias": torch.randn(7).half(), "n": torch.tensor(3)}
        back = restored(quantise(tensors))
        assert all(torch.equal(back[key], tensor) for key, tensor in tensors.items())
        assert back["bias"].dtype == torch.float16

    @pytest.mark.parametrize("value", [float("nan"), float("inf")])
    def test_values_that_are_not_finite_are_refused(self, value: float) -> None:
        with pytest.raises(QuantisationError, match="tensor 'w' has values that are not finite"):
            quantise({"w": torch.tensor([[1.0, value]])})


class TestFile:
    def test_holds_half_the_bytes_and_decodes_bit_for_bit(self, small: Path) -> None:
        _, tensors = read_weights(small)
        stored = load_arrays(small)
        for key, tensor in tensors.items():
            array = stored[key]
            if array.dtype == np.int8:
                scale = stored[f"{key}:scale"]
                array = array.astype(np.float32) * scale.reshape(-1, *(1,) * (array.ndim - 1))
            assert np.array_equal(tensor.numpy(), array)
        assert sum(array.dtype == np.int8 for array in stored.values()) == len(tensors) // 2

    def test_restores_almost_the_same(self, whole: Path, small: Path) -> None:
        lr = torch.rand(2, 3, 16, 16) * 2 - 1
        before, after = (load_gflmser(path)[0].restore(lr) for path in (whole, small))
        assert 0 < (before - after).abs().max() < 0.05

    def test_card_says_so_and_verify_has_nothing_against_it(self, whole: Path, small: Path) -> None:
        assert verify_trained(small) == []
        assert [card.precision for card in list_weights(small.parent)] == ["int8"]
        assert json.loads(small.with_suffix(".json").read_text())["precision"] == "int8"
        assert "rounded to 8 bits" in read_card(small).limits[-1]
        assert read_card(whole).precision == "fp16"

    def test_shipped_again_it_stays_as_it_is(self, small: Path, tmp_path: Path) -> None:
        again = ship(small, tmp_path / "again")
        assert read_card(again).limits == read_card(small).limits
        stored = load_file(small)
        for key, tensor in load_file(again).items():
            torch.testing.assert_close(tensor, stored[key], atol=0, rtol=2e-7)

    def test_a_changed_byte_is_noticed(self, small: Path) -> None:
        content = bytearray(small.read_bytes())
        content[-1] ^= 1
        small.write_bytes(bytes(content))
        assert "not the file that its card was written for" in verify_trained(small)[0]

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda t: _without(t, f"{HEAD}:scale"), "8 bits without a scale for each channel"),
            (lambda t: _without(t, HEAD), f"'{HEAD}:scale' belongs to no tensor"),
            (lambda t: {**t, f"{HEAD}:scale": t[f"{HEAD}:scale"][:-1]}, "without a scale for each"),
            (lambda t: {**t, f"{HEAD}:scale": t[f"{HEAD}:scale"].half()}, "without a scale for"),
            (lambda t: {**t, f"{HEAD}:scale": -t[f"{HEAD}:scale"]}, "has a damaged scale"),
            (lambda t: {**t, f"{HEAD}:scale": t[f"{HEAD}:scale"] * torch.nan}, "a damaged scale"),
            (lambda t: restored(t), "no tensor is at 8 bits"),
        ],
        ids=["none", "left over", "too few", "another type", "negative", "not a number", "float"],
    )
    def test_damaged_scales_are_refused_on_one_line(
        self, small: Path, change: Callable[[dict[str, Tensor]], dict[str, Tensor]], message: str
    ) -> None:
        card = json.dumps(json.loads(small.with_suffix(".json").read_text()))
        save_file(change(load_file(small)), small, {"format": "sr-weights-1", "card": card})
        with pytest.raises(WeightsError, match=message) as caught:
            load_gflmser(small)
        assert "\n" not in str(caught.value)

    def test_a_card_that_hides_the_precision_is_refused(self, small: Path) -> None:
        values = json.loads(small.with_suffix(".json").read_text())
        metadata = {"format": "sr-weights-1", "card": json.dumps({**values, "precision": "fp16"})}
        save_file(load_file(small), small, metadata)
        with pytest.raises(WeightsError, match=r"tensor '.*:scale' is not part of the network"):
            load_gflmser(small)
        values["precision"] = "int4"
        save_file(load_file(small), small, {"format": "sr-weights-1", "card": json.dumps(values)})
        with pytest.raises(WeightsError, match="'precision' is not what it should be"):
            load_gflmser(small)


class TestUse:
    def test_training_starts_from_it(self, small: Path, cache: Path) -> None:
        network = narrow(source="internal")
        wanted = replace(config(cache, network=network), start=str(small))
        phases = tuple(phase for phase in wanted.training.phases if phase.trains == ("l2h",))
        wanted = replace(
            wanted,
            data=replace(wanted.data, h2l=0.0),
            training=replace(wanted.training, phases=phases),
        )
        trained = load_gflmser(small)[0].l2h.state_dict()
        for key, tensor in GFLmserRecipe(wanted).model.l2h.state_dict().items():
            assert torch.equal(tensor, trained[key])

    def test_exports_to_onnx(self, small: Path, tmp_path: Path) -> None:
        from gflmser.onnx_export import export_onnx

        file = tmp_path / "small.onnx"
        assert export_onnx(small, file).precision == "int8"
        assert_same_pixels(file, small, (2, 16, 16))


@pytest.mark.parametrize("card", list_weights(), ids=lambda card: card.name)
def test_weights_of_tables_alone_are_at_8_bits(card: ModelCard) -> None:
    tables = card.method == "gflmser" and card.name not in ("gflmser", "gflmser-real")
    assert card.precision == ("int8" if tables else "fp16")
    assert find(card.name).stat().st_size < 5_000_000


def _without(tensors: dict[str, Tensor], key: str) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in tensors.items() if name != key}
