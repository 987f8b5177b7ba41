"""Readers of the low-resolution recognition sets on tiny trees of their layouts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from data.boxes import Box
from data.datasets.identification import Identification
from data.datasets.registry import dataset
from data.prepared import build
from tests.data.conftest import Tree, problems


def cells(*names: str) -> np.ndarray:
    """A column of cells, as MATLAB writes names."""
    column = np.empty((len(names), 1), dtype=object)
    column[:, 0] = names
    return column


def identification(name: str) -> Identification:
    found = dataset(name).identification
    assert found is not None
    return found


@pytest.fixture
def tinyface(tree: Tree) -> Path:
    files = ("Gallery_Match/7_1.jpg", "Gallery_Match/9_1.jpg", "Probe/7_2.jpg")
    root = tree(*(f"Testing_Set/{file}" for file in (*files, "Gallery_Distractor/1.jpg")))
    testing = root / "Testing_Set"
    gallery = {"gallery_set": cells("7_1.jpg", "9_1.jpg"), "gallery_ids": [[7], [9]]}
    savemat(testing / "gallery_match_img_ID_pairs.mat", gallery)
    probes = {"probe_set": cells("7_2.jpg"), "probe_ids": [[7]]}
    savemat(testing / "probe_img_ID_pairs.mat", probes)
    return root


def test_tinyface_looks_for_probes_among_matches_and_distractors(tinyface: Path) -> None:
    found = identification("tinyface")
    (protocol,) = found.protocols
    gallery, probes = protocol.split(found.seen(tinyface))
    assert [one.image.identity for one in gallery] == ["7", "9", ""]
    assert [one.image.identity for one in probes] == ["7"]
    assert gallery[2].image.key == "Testing_Set/Gallery_Distractor/1.jpg"
    assert "rank-1" in protocol.figures


def test_a_copy_of_tinyface_is_checked(tinyface: Path, tmp_path: Path) -> None:
    assert "2 images where the whole of Gallery_Match/ has 4,443" in problems("tinyface", tinyface)
    (tinyface / "Testing_Set" / "Probe" / "7_2.jpg").unlink()
    assert "7_2.jpg is missing: a list names it" in problems("tinyface", tinyface)
    (tinyface / "Testing_Set" / "probe_img_ID_pairs.mat").write_bytes(b"no matrix")
    assert "holds no probe_set and probe_ids" in problems("tinyface", tinyface)


@pytest.fixture
def survface(tree: Tree) -> Path:
    base = "Face_Identification_Test_Set"
    root = tree(
        f"{base}/gallery/12_cam1_1.jpg", f"{base}/mated_probe/12_cam3_1.jpg",
        f"{base}/unmated_probe/99_cam2_1.jpg",
    )  # fmt: skip
    gallery = {"gallery_set": cells("12_cam1_1.jpg"), "gallery_ids": [[4]]}
    savemat(root / base / "gallery_img_ID_pairs.mat", gallery)
    probes = {"mated_probe_set": cells("12_cam3_1.jpg"), "mated_probe_ids": [[4]]}
    savemat(root / base / "mated_probe_img_ID_pairs.mat", probes)
    return root


def test_qmul_survface_has_strangers_among_its_probes(survface: Path) -> None:
    found = identification("qmul_survface")
    (protocol,) = found.protocols
    gallery, probes = protocol.split(found.seen(survface))
    assert [(one.image.identity, one.camera) for one in gallery] == [("4", "cam1")]
    assert [(one.image.identity, one.camera) for one in probes] == [("4", "cam3"), ("", "cam2")]
    assert problems("qmul_survface", survface) == ""
    extra = survface / "Face_Identification_Test_Set" / "gallery" / "13_cam1_1.jpg"
    extra.write_bytes((extra.parent / "12_cam1_1.jpg").read_bytes())
    assert problems("qmul_survface", survface) == "1 images of gallery/ are in no list"


@pytest.fixture
def scface(tree: Tree) -> Path:
    names = [f"mugshot_frontal_original_all/{person}_frontal.jpg" for person in ("003", "051")]
    names += [
        f"surveillance_cameras_distance_{distance}/cam_{camera}/{person}_cam{camera}_{distance}.jpg"
        for person in ("003", "051")
        for distance in (1, 2, 3)
        for camera in (1, 6)
    ]
    return tree(*names)


@pytest.mark.parametrize("distance", ["d1", "d2", "d3"])
def test_scface_is_tried_at_each_distance_on_the_last_people(scface: Path, distance: str) -> None:
    found = identification("scface")
    seen = found.seen(scface)
    assert len(seen) == 14
    (protocol,) = (one for one in found.protocols if one.name == distance)
    gallery, probes = protocol.split(seen)
    assert [one.image.identity for one in gallery] == ["051"]
    assert [(one.camera, one.distance) for one in probes] == [("cam1", distance)]


def test_a_copy_of_scface_is_checked(scface: Path, tmp_path: Path) -> None:
    text = problems("scface", scface)
    assert "2 mugshots of 130 people" in text
    assert "001_cam1_1.jpg is missing" in text
    assert "and 1,939 surveillance images more are missing" in text


@pytest.fixture
def templates(tree: Tree) -> Path:
    root = tree("images/img/1.jpg", "images/frames/2.jpg", "images/frames/3.jpg")
    head = "TEMPLATE_ID,SUBJECT_ID,FILENAME,SIGHTING_ID,FACE_X,FACE_Y,FACE_WIDTH,FACE_HEIGHT"
    lists = {
        "ijbs_gallery_G1.csv": ["1,10,img/1.jpg,1,150,30,200,210"],
        "ijbs_probe_surveillance.csv": [
            "5,10,frames/2.jpg,2,150,30,200,210",
            "5,10,frames/3.jpg,3,,,,",
            "6,11,frames/3.jpg,4,150,30,200,210",
        ],
        "matches.csv": ["1,5"],
    }
    (root / "protocols").mkdir()
    for name, lines in lists.items():
        (root / "protocols" / name).write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    return root


def test_templates_hold_several_faces_cut_to_their_boxes(templates: Path, tmp_path: Path) -> None:
    found = identification("ijb_templates")
    (protocol,) = found.protocols
    gallery, probes = protocol.split(found.seen(templates))
    assert [one.image.box for one in gallery] == [Box(150, 30, 350, 240)]
    assert [(one.template.rpartition("/")[2], one.image.identity) for one in probes] == [
        ("5", "10"),
        ("5", "10"),
        ("6", "11"),
    ]
    assert probes[1].image.box is None
    assert len({one.image.key for one in (*gallery, *probes)}) == 4
    assert problems("ijb_templates", templates) == ""
    images = [one.image for one in (*gallery, *probes)]
    assert build(images, tmp_path / "cache", name="ijb", side=32).written == 4


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        pytest.param("5,12,frames/2.jpg,9,1,1,9,9", "has several people", id="two in one"),
        pytest.param("7,12,frames/8.jpg,9,1,1,9,9", "frames/8.jpg is missing", id="no file"),
        pytest.param("7,12,../8.jpg,9,1,1,9,9", "leads out of the dataset", id="outside"),
        pytest.param("7,12,frames/2.jpg,9,a,1,9,9", "not TEMPLATE_ID", id="no number"),
    ],
)
def test_a_list_of_templates_is_checked(templates: Path, line: str, problem: str) -> None:
    with (templates / "protocols" / "ijbs_probe_surveillance.csv").open("a") as file:
        file.write(line + "\n")
    assert problem in problems("ijb_templates", templates)
