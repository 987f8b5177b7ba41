"""Weights on disk: what is written is what is read, and nothing else is accepted."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from gflmser.cards import Record, WeightsError
from gflmser.config import NetworkConfig
from gflmser.load import build_gflmser, card_of, load_gflmser
from gflmser.network import GFLmser
from gflmser.schema import parse
from gflmser.weights import (
    SHIPPED,
    find,
    list_weights,
    read_card,
    save_weights,
    verify_weights,
)
from pipeline.methods import verify_trained
from tests.gflmser.conftest import narrow


@pytest.fixture
def written(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    network = narrow(source="internal", bicubic_residual=True, upsampling="shuffle", gate_tanh=True)
    record = Record(
        data=({"name": "samples", "used": 6},),
        metrics={"crop1/psnr_rgb": 22.5},
        limits=("Not evidence of identity.",),
        steps=7,
    )
    return save_weights(GFLmser(network), card_of("tiny", network, record), tmp_path)


def test_come_back_as_they_were_up_to_half_precision(written: Path) -> None:
    torch.manual_seed(0)
    original = GFLmser(parse(NetworkConfig, read_card(written).network))
    model, card = load_gflmser(written)
    assert (card.name, card.steps, card.scale, card.oracle) == ("tiny", 7, 4, False)
    assert card.data == ({"name": "samples", "used": 6},)
    for key, tensor in model.state_dict().items():
        assert tensor.dtype == torch.float32
        torch.testing.assert_close(tensor, original.state_dict()[key], atol=1e-3, rtol=1e-3)
    assert not model.training


def test_are_listed_and_verified(written: Path) -> None:
    assert [card.name for card in list_weights(written.parent)] == ["tiny"]
    assert verify_weights(written, build_gflmser) == []
    beside = json.loads(written.with_suffix(".json").read_text())
    assert (beside["oracle"], beside["source"], len(beside["sha256"])) == (False, "internal", 64)


def test_whoever_may_read_the_card_may_read_the_tensors(written: Path) -> None:
    assert written.stat().st_mode == written.with_suffix(".json").stat().st_mode


def test_a_changed_tensor_is_noticed(written: Path) -> None:
    content = bytearray(written.read_bytes())
    content[-1] ^= 1
    written.write_bytes(bytes(content))
    assert "not the file that its card was written for" in verify_weights(written, build_gflmser)[0]


def test_a_changed_card_is_noticed(written: Path) -> None:
    beside = written.with_suffix(".json")
    values = json.loads(beside.read_text())
    beside.write_text(json.dumps({**values, "metrics": {"crop1/psnr_rgb": 99.0}}))
    assert "differs from the card inside" in verify_weights(written, build_gflmser)[0]


def test_another_skip_source_than_the_trained_one_is_refused(written: Path) -> None:
    tensors = load_file(written)
    card = json.loads(written.with_suffix(".json").read_text())
    card["network"]["source"] = "upsampled"
    save_file(tensors, written, {"format": "gflmser-1", "card": json.dumps(card)})
    with pytest.raises(WeightsError, match="skip source"):
        load_gflmser(written)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: {k: v for k, v in t.items() if k != "l2h.body.tail.bias"}, "missing"),
        (lambda t: {**t, "l2h.body.tail.bias": torch.zeros(4)}, r"is \(4,\), not \(3,\)"),
        (lambda t: {**t, "extra": torch.zeros(1)}, "not part of the network"),
    ],
    ids=["a tensor less", "another shape", "a tensor more"],
)
def test_tensors_that_do_not_fit_the_card_are_refused(
    written: Path, change: object, message: str
) -> None:
    assert callable(change)
    card = json.loads(written.with_suffix(".json").read_text())
    metadata = {"format": "gflmser-1", "card": json.dumps(card)}
    save_file(change(load_file(written)), written, metadata)
    with pytest.raises(WeightsError, match=message):
        load_gflmser(written)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ({"widths": {"r64": 900}}, r"tensor 'h2l.body.head.bias' is .* not .900,"),
    ],
    ids=["other sizes than the tensors have"],
)
def test_a_card_cannot_ask_for_any_amount_of_memory(
    written: Path, network: dict[str, object], message: str
) -> None:
    card = json.loads(written.with_suffix(".json").read_text())
    card["network"] |= network
    save_file(load_file(written), written, {"format": "gflmser-1", "card": json.dumps(card)})
    with pytest.raises(WeightsError, match=message):
        load_gflmser(written)


def test_a_file_of_someone_else_is_refused(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.safetensors"
    save_file({"x": torch.zeros(1)}, foreign)
    with pytest.raises(WeightsError, match="not one of our weights"):
        load_gflmser(foreign)
    foreign.write_bytes(b"pickle")
    with pytest.raises(WeightsError, match="not a safetensors file"):
        load_gflmser(foreign)


@pytest.mark.parametrize("card", [{}, {"card": "{"}, {"card": "[]"}, {"card": "{}"}])
def test_a_file_without_a_readable_card_is_refused(card: dict[str, str], tmp_path: Path) -> None:
    broken = tmp_path / "broken.safetensors"
    save_file({"x": torch.zeros(1)}, broken, {"format": "gflmser-1", **card})
    with pytest.raises(WeightsError, match=r"^broken.safetensors: the card"):
        read_card(broken)


def test_an_unknown_name_names_what_there_is() -> None:
    with pytest.raises(WeightsError, match=r"no weights called 'gflmserr'; there are: .*gflmser"):
        find("gflmserr")
    with pytest.raises(WeightsError, match="does not exist"):
        find("nowhere/x.safetensors")


def test_an_oracle_must_say_so_in_its_name(tmp_path: Path) -> None:
    network = narrow(source="hr")
    with pytest.raises(WeightsError, match="its name must say 'oracle'"):
        save_weights(GFLmser(network), card_of("best", network), tmp_path)
    path = save_weights(GFLmser(network), card_of("best-oracle", network), tmp_path)
    assert json.loads(path.with_suffix(".json").read_text())["oracle"] is True


class TestShipped:
    """Everything in data/weights keeps what the repository promises of it."""

    def test_all_are_whole(self) -> None:
        cards = list_weights()
        assert "gflmser" in [card.name for card in cards]
        for card in cards:
            assert verify_trained(card.name) == []

    def test_the_default_is_deployable_and_gated(self) -> None:
        card = read_card("gflmser")
        assert not card.oracle
        assert card.network["gate"] == "correlation"

    def test_all_are_small_and_their_cards_complete(self) -> None:
        for card in list_weights():
            path = find(card.name)
            assert path.stat().st_size <= 12_000_000
            written = dataclasses.asdict(card)
            for field in ("data", "commit", "wall_seconds", "metrics", "limits", "training"):
                assert written[field], f"{card.name}: {field}"
            assert all(entry["sources"] for entry in card.data)

    def test_there_is_no_pickle(self) -> None:
        allowed = {".safetensors", ".json", ".md", ".csv"}
        assert {p.suffix for p in SHIPPED.rglob("*") if p.is_file()} <= allowed
