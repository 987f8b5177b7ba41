"""The exported file gives the same pixels in ONNX Runtime."""

import json
from pathlib import Path
from typing import Final

import numpy as np
import pytest
import torch

from gflmser.cards import WeightsError
from gflmser.load import card_of
from gflmser.network import GFLmser, enlarge
from gflmser.onnx_export import export_onnx
from gflmser.restore import load_restorer
from gflmser.tensors import to_tensor
from gflmser.weights import save_weights
from tests.gflmser.conftest import narrow

NETWORKS: Final[dict[str, dict[str, object]]] = {
    "internal": {"source": "internal"},
    "upsampled": {"source": "upsampled"},
    "shuffled": {"source": "internal", "upsampling": "shuffle", "bicubic_residual": True},
}
SHAPES: Final = pytest.mark.parametrize("shape", [(1, 16, 16), (3, 20, 32)], ids=str)
Shape = tuple[int, int, int]


def assert_same_pixels(exported: Path, name: str | Path, shape: Shape) -> None:
    """ONNX Runtime and torch agree within one grey level, and neither is merely bicubic."""
    import onnxruntime

    session = onnxruntime.InferenceSession(exported)
    images = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    lr = images.transpose(0, 3, 1, 2).astype(np.float32) / 255
    (sr,) = session.run(None, {"lr": lr})
    pixels = np.rint(sr.transpose(0, 2, 3, 1) * 255).astype(int)
    lr_signed = to_tensor(images)
    expected = load_restorer(name).restore(lr_signed)
    ours = ((expected + 1) * 127.5).round().permute(0, 2, 3, 1).numpy().astype(int)
    assert np.abs(pixels - ours).max() <= 1
    assert (expected - enlarge(lr_signed).clamp(-1, 1)).abs().max() > 8 / 255


@SHAPES
@pytest.mark.parametrize("network", NETWORKS)
def test_gives_the_same_pixels(network: str, shape: Shape, weights: dict[str, Path]) -> None:
    assert_same_pixels(weights[network].with_suffix(".onnx"), weights[network], shape)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export of the default that ships with the code."""
    file = tmp_path_factory.mktemp("shipped") / "gflmser.onnx"
    assert export_onnx("gflmser", file).name == "gflmser"
    return file


@SHAPES
def test_the_shipped_default_gives_the_same_pixels(shape: Shape, shipped: Path) -> None:
    assert_same_pixels(shipped, "gflmser", shape)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A weight file for each network, with its ONNX export beside it."""
    folder = tmp_path_factory.mktemp("onnx")
    made = {}
    for name, changes in NETWORKS.items():
        torch.manual_seed(0)
        network = narrow(**changes)
        model = GFLmser(network)
        if network.bicubic_residual:  # its last layer starts at zero: make it count
            torch.nn.init.normal_(model.l2h.body.tail.weight, 0, 0.1)
        made[name] = save_weights(model, card_of(name, network), folder)
        export_onnx(made[name], made[name].with_suffix(".onnx"))
    return made


def test_carries_its_card(weights: dict[str, Path]) -> None:
    import onnx

    model = onnx.load(weights["internal"].with_suffix(".onnx"))
    card = json.loads({p.key: p.value for p in model.metadata_props}["card"])
    assert card["name"] == "internal"


def test_an_oracle_is_not_exported(tmp_path: Path) -> None:
    network = narrow(source="hr")
    path = save_weights(GFLmser(network), card_of("an-oracle", network), tmp_path)
    with pytest.raises(WeightsError, match="oracle"):
        export_onnx(path, tmp_path / "x.onnx")
    assert not (tmp_path / "x.onnx").exists()
