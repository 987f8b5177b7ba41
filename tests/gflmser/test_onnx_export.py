"""The exported file gives the same pixels in ONNX Runtime."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from gflmser.batches import to_tensor
from gflmser.network import GFLmser
from gflmser.onnx_export import export_onnx
from gflmser.restore import load_restorer
from gflmser.weights import Card, WeightsError, save_weights
from tests.gflmser.conftest import narrow


@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 20, 32)], ids=str)
@pytest.mark.parametrize("source", ["internal", "upsampled"])
def test_gives_the_same_pixels(
    source: str, shape: tuple[int, int, int], tmp_path: Path, weights: dict[str, Path]
) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(weights[source].with_suffix(".onnx"))
    pictures = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    lr = pictures.transpose(0, 3, 1, 2).astype(np.float32) / 255
    (sr,) = session.run(None, {"lr": lr})
    pixels = np.rint(sr.transpose(0, 2, 3, 1) * 255).astype(int)
    expected = load_restorer(weights[source]).restore(to_tensor(pictures))
    ours = ((expected + 1) * 127.5).round().permute(0, 2, 3, 1).numpy().astype(int)
    assert np.abs(pixels - ours).max() <= 1


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A weight file for each source, with its ONNX export beside it."""
    folder = tmp_path_factory.mktemp("onnx")
    made = {}
    for source in ("internal", "upsampled"):
        torch.manual_seed(0)
        network = narrow(source=source)
        made[source] = save_weights(GFLmser(network), Card(name=source, network=network), folder)
        export_onnx(made[source], made[source].with_suffix(".onnx"))
    return made


def test_carries_its_card(weights: dict[str, Path]) -> None:
    import onnx

    model = onnx.load(weights["internal"].with_suffix(".onnx"))
    card = json.loads({p.key: p.value for p in model.metadata_props}["card"])
    assert card["name"] == "internal"


def test_an_oracle_is_not_exported(tmp_path: Path) -> None:
    network = narrow(source="hr")
    path = save_weights(GFLmser(network), Card(name="an-oracle", network=network), tmp_path)
    with pytest.raises(WeightsError, match="oracle"):
        export_onnx(path, tmp_path / "x.onnx")
    assert not (tmp_path / "x.onnx").exists()
