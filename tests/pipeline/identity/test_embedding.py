from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from data.boxes import Box
from data.images.files import load_rgb
from data.images.rgb import RGB
from pipeline.detection.registry import load_detector
from pipeline.identity.alignment import TEMPLATE, chip, chip_at_box, similarity
from pipeline.identity.dlib_in_torch import FaceNet, embed_chips
from pipeline.identity.embedding import Face, load_embedder


def largest(path: Path) -> tuple[RGB, Box]:
    rgb = load_rgb(path)
    return rgb, max((f.box for f in load_detector("hog")(rgb, 1)), key=lambda box: box.area)


@pytest.mark.parametrize("name", ["obama.jpg", "biden.jpg", "biden2.jpg", "solvay16.png"])
def test_embeddings_are_those_of_face_recognition(samples: Path, name: str) -> None:
    import face_recognition

    rgb = load_rgb(samples / name)
    boxes = [face.box for face in load_detector("hog")(rgb, 1)]
    css = [tuple(map(round, (b.top, b.right, b.bottom, b.left))) for b in boxes]
    theirs = face_recognition.face_encodings(rgb, css, model="small")
    assert len(theirs) == len(boxes) > 0
    for box, expected in zip(boxes, theirs, strict=True):
        ours = load_embedder().embed(rgb, box)
        assert (ours.shape, ours.dtype) == ((128,), np.float32)
        np.testing.assert_allclose(ours, expected, atol=1e-6)
        flipped = np.ascontiguousarray(rgb[:, ::-1])
        both = load_embedder().embed_each([rgb, flipped], box)
        np.testing.assert_allclose(both[0], ours, atol=1e-6)


def test_a_face_is_averaged_with_its_mirror_image(samples: Path) -> None:
    rgb, box = largest(samples / "obama.jpg")
    straight = chip_at_box(rgb, box)
    both = embed_chips([straight, np.ascontiguousarray(straight[:, ::-1])])
    known = load_embedder().faces([Face(rgb, box)])
    np.testing.assert_allclose(known[0], both.mean(0), atol=1e-6)


def test_a_box_without_area_has_no_embedding(samples: Path) -> None:
    with pytest.raises(ValueError, match="without area"):
        load_embedder().embed(load_rgb(samples / "obama.jpg"), Box(3, 3, 3, 9))


def test_gradients_reach_the_image() -> None:
    faces = torch.full((1, 3, 150, 150), 100.0, requires_grad=True)
    FaceNet()(faces).square().sum().backward()
    assert faces.grad is not None
    assert float(faces.grad.abs().max()) > 0


@given(
    scale=st.floats(0.2, 5), turn=st.floats(-3, 3), x=st.floats(-100, 100), y=st.floats(-100, 100)
)
def test_a_similarity_is_found_again(scale: float, turn: float, x: float, y: float) -> None:
    rotation = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    source = np.asarray(TEMPLATE)
    target = source @ rotation.T + [x, y]
    found = similarity([tuple(p) for p in source], [tuple(p) for p in target])
    np.testing.assert_allclose(found, np.column_stack([rotation, [x, y]]), atol=1e-6)


def test_landmarks_cut_out_the_same_face_as_dlibs_predictor(samples: Path) -> None:
    rgb, box = largest(samples / "obama.jpg")
    by_box = chip_at_box(rgb, box)
    # Where the template lies in the image, from dlib's own five points.
    from pipeline.identity.alignment import _predictor

    dlib, predictor = _predictor()
    sides = (round(side) for side in (box.left, box.top, box.right, box.bottom))
    points = [(p.x, p.y) for p in predictor(rgb, dlib.rectangle(*sides)).parts()]
    eyes = [np.mean(points[2:4], axis=0), np.mean(points[0:2], axis=0)]
    turn = similarity([tuple(e) for e in eyes], TEMPLATE[:2])
    back = np.linalg.inv(np.vstack([turn, [0, 0, 1]]))[:2]
    marks = [tuple(back @ [x, y, 1]) for x, y in TEMPLATE]
    by_marks = chip(rgb, box, marks)
    distance = np.linalg.norm(np.subtract(*embed_chips([by_box, by_marks])))
    assert distance < 0.25
    assert chip(rgb, box, [(1.0, 1.0)] * 5).tolist() == by_box.tolist()
