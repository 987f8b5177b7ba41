"""YuNet's wrapper, with a network of YuNet's outputs that takes bright squares for faces."""

from math import log
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from data.boxes import Box, iou
from data.images.rgb import RGB
from pipeline.detection.registry import load_detector

FACE = 32.0
"""Side in pixels of the box that the network draws around a bright cell of 8x8."""


def bright_square_network(path: Path) -> Path:
    """Outputs named and shaped as YuNet 2023mar; only stride 8 ever answers."""
    nodes, outputs, constants = [], [], []

    def constant(name: str, values: np.ndarray) -> str:
        constants.append(onnx.numpy_helper.from_array(values, name))
        return name

    def output(name: str, channels: int, source: str) -> None:
        shape = constant(f"{name}_shape", np.array([1, -1, channels], np.int64))
        nodes.append(helper.make_node("Transpose", [source], [f"{name}_t"], perm=[0, 2, 3, 1]))
        nodes.append(helper.make_node("Reshape", [f"{name}_t", shape], [name]))
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, None, channels]))

    def conv(name: str, stride: int, weight: float, bias: list[float]) -> str:
        pooled = f"{name}_pool"
        kernel = {"kernel_shape": [stride, stride], "strides": [stride, stride]}
        nodes.append(helper.make_node("AveragePool", ["input"], [pooled], **kernel))
        shape = (len(bias), 3, 1, 1)
        weights = constant(f"{name}_w", np.full(shape, weight, np.float32))
        biases = constant(f"{name}_b", np.array(bias, np.float32))
        nodes.append(helper.make_node("Conv", [pooled, weights, biases], [f"{name}_c"]))
        return f"{name}_c"

    for kind, channels in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
        for stride in (8, 16, 32):
            name = f"{kind}_{stride}"
            if kind in ("cls", "obj"):
                slope, offset = (40 / 765, -24.0) if stride == 8 else (0.0, -30.0)
                made = conv(name, stride, slope, [offset])
                nodes.append(helper.make_node("Sigmoid", [made], [f"{name}_s"]))
                output(name, channels, f"{name}_s")
            elif kind == "bbox":
                output(name, channels, conv(name, stride, 0.0, [0.5, 0.5, *[log(FACE / 8)] * 2]))
            else:
                output(name, channels, conv(name, stride, 0.0, [0.0] * channels))
    image = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, None, None])
    graph = helper.make_graph(nodes, "yunet", [image], outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, str(path))
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bright_square_network(tmp_path_factory.mktemp("yunet") / "yunet.onnx")


def scene(width: int, height: int, left: int, top: int, side: int) -> RGB:
    rgb = np.full((height, width, 3), 20, np.uint8)
    rgb[top : top + side, left : left + side] = 255
    return rgb


@pytest.mark.parametrize("passes", [0, 1, 2])
def test_boxes_are_in_pixels_of_the_image_however_often_it_was_doubled(
    model: Path, passes: int
) -> None:
    side = 8 >> passes
    rgb = scene(96, 64, 40, 24, side)
    (face,) = load_detector("yunet", yunet_model=model, min_score=0.5)(rgb, passes)
    half = FACE / 2 / 2**passes
    middle_x, middle_y = 40 + side / 2, 24 + side / 2
    expected = Box(middle_x - half, middle_y - half, middle_x + half, middle_y + half)
    assert iou(face.box, expected) > 0.8
    assert 0.5 < face.score <= 1


def test_boxes_are_cut_at_the_border(model: Path) -> None:
    (face,) = load_detector("yunet", yunet_model=model, min_score=0.5)(scene(64, 64, 0, 0, 8), 0)
    assert (face.box.left, face.box.top) == (0, 0)
    assert face.box.right < FACE


def test_an_empty_scene_has_no_face(model: Path) -> None:
    assert load_detector("yunet", yunet_model=model)(scene(64, 64, 0, 0, 0), 1) == []
