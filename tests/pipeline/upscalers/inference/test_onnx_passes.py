"""Short passes by ONNX Runtime: torch's pixels, whatever else is in the pass."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from data.images.rgb import RGB
from gflmser.load import card_of
from gflmser.network import GFLmser
from gflmser.restore import Restorer, load_restorer
from gflmser.tensors import to_tensor
from pipeline.environment.onnx_constants import with_weights
from pipeline.upscalers.inference.onnx_passes import GRAPH, OnnxPasses, onnx_passes
from pipeline.upscalers.loading import load_upscaler
from tests.gflmser.conftest import narrow

SIDES = [(16, 16), (21, 16), (18, 27), (3, 2)]


@pytest.fixture(scope="module")
def faces(samples: Path) -> list[RGB]:
    """Faces of many sizes, some of them twice."""
    made = []
    for path in sorted(samples.glob("*.jpg"))[:4]:
        with Image.open(path) as image:
            made += [np.array(image.convert("RGB").resize(side)) for side in SIDES]
    return made


@pytest.mark.parametrize("name", ["gflmser", "gflmser-real"])
def test_pixels_are_those_of_torch_within_a_level(name: str, faces: list[RGB]) -> None:
    torch_alone = load_restorer(name)
    made = load_upscaler(name, device="cpu", threads=1)(faces)
    for face, ours in zip(faces, made, strict=True):
        assert np.abs(ours.astype(int) - torch_alone(face[None])[0]).max() <= 1


def test_an_image_does_not_depend_on_its_neighbours_or_threads(faces: list[RGB]) -> None:
    alone = load_upscaler("gflmser", device="cpu", threads=1)
    many = load_upscaler("gflmser", device="cpu", threads=2, batch_size=3)
    together = many([*faces, *faces[::-1]])
    for face, a, b in zip(faces, together, together[::-1], strict=False):
        np.testing.assert_array_equal(alone([face])[0], a)
        np.testing.assert_array_equal(a, b)


def test_the_shipped_graph_is_that_of_the_code(faces: list[RGB]) -> None:
    pytest.importorskip("onnx")
    from gflmser.onnx_export import graph_without_weights

    restorer = load_restorer("gflmser")
    again = OnnxPasses(graph_without_weights("gflmser"), restorer.weights(), "again")
    shipped = onnx_passes(restorer)
    assert shipped is not None
    batch = to_tensor(faces[0][None])
    assert torch.equal(again(batch), shipped(batch))


def test_another_network_stays_with_torch(faces: list[RGB]) -> None:
    config = narrow(source="internal")
    restorer = Restorer(GFLmser(config), card_of("narrow", config))
    assert onnx_passes(restorer) is None


def test_weights_that_the_graph_does_not_have_are_refused() -> None:
    with pytest.raises(KeyError, match="nothing"):
        with_weights(GRAPH.read_bytes(), {"nothing": b""})
