"""Readers on trees of each dataset's layout, made from the sample pictures."""

import shutil
import sqlite3
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.cache import build
from data.casia_webface import record_pictures
from data.faces_in_scenes import Face, small_faces
from data.readers import DatasetError
from data.registry import DATASETS, dataset
from data.widerface import annotated

Tree = Callable[..., Path]


@pytest.fixture
def tree(samples: Path, tmp_path: Path) -> Tree:
    """Puts a sample picture at each of the given paths and returns the root."""

    def make(*paths: str, source: str = "obama.jpg") -> Path:
        for path in paths:
            target = tmp_path / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(samples / source, target)
        return tmp_path

    return make


def keys(name: str, root: Path) -> list[str]:
    return [p.key for p in dataset(name).pictures(root)]


def problems(name: str, root: Path) -> str:
    return "\n".join(dataset(name).check(root).problems)


def test_an_unknown_name_names_the_nearest() -> None:
    with pytest.raises(DatasetError, match="nearest is 'celeba'"):
        dataset("celebA-HQ")


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_an_empty_folder_is_a_problem_not_a_crash(name: str, tmp_path: Path) -> None:
    found = dataset(name).check(tmp_path)
    assert found.pictures == 0
    assert found.problems


class TestCasiaWebFace:
    def test_folders(self, tree: Tree) -> None:
        root = tree("0000045/001.jpg", "0000099/001.jpg", "0000099/002.jpg")
        found = dataset("casia_webface").pictures(root)
        assert [p.identity for p in found] == ["0000045", "0000099", "0000099"]
        assert "494,414" in problems("casia_webface", root)
        tree("people/x.jpg")
        assert "people/ is not a folder of an identity" in problems("casia_webface", root)

    def test_records(self, samples: Path, tmp_path: Path) -> None:
        write_records(tmp_path, [samples / "obama.jpg", samples / "biden.jpg"])
        found = dataset("casia_webface").pictures(tmp_path)
        assert [(p.key, p.identity) for p in found] == [("00000001", "0"), ("00000002", "1")]
        assert found[1].read() == (samples / "biden.jpg").read_bytes()
        assert build(found, tmp_path / "cache", name="c", side=64).written == 2

    def test_a_cut_record_file_is_named(self, samples: Path, tmp_path: Path) -> None:
        write_records(tmp_path, [samples / "obama.jpg"])
        content = (tmp_path / "train.rec").read_bytes()
        (tmp_path / "train.rec").write_bytes(content[:-5000])
        assert "cut short" in problems("casia_webface", tmp_path)
        (tmp_path / "train.rec").write_bytes(b"\0" * len(content))
        with pytest.raises(DatasetError, match="no record begins"):
            record_pictures(tmp_path)
        (tmp_path / "train.idx").write_text("one\ttwo\n")
        with pytest.raises(DatasetError, match=r"train\.idx:1"):
            record_pictures(tmp_path)


def write_records(root: Path, files: list[Path]) -> None:
    """InsightFace's layout: record 0 counts, then one picture of one label each."""
    offsets, content = [], b""
    header = struct.pack("<IfQQ", 2, 0.0, 0, 0) + struct.pack("<2f", len(files) + 1, len(files) + 1)
    for payload in [
        header,
        *(struct.pack("<IfQQ", 0, i, i + 1, 0) + f.read_bytes() for i, f in enumerate(files)),
    ]:
        offsets.append(len(content))
        content += struct.pack("<II", 0xCED7230A, len(payload)) + payload
        content += b"\0" * (-len(content) % 4)
    (root / "train.rec").write_bytes(content)
    (root / "train.idx").write_text("".join(f"{i}\t{o}\n" for i, o in enumerate(offsets)))


class TestCelebA:
    def test_identities_come_from_the_file(self, tree: Tree) -> None:
        root = tree("img_align_celeba/000001.jpg", "img_align_celeba/000002.jpg")
        assert "identity_CelebA.txt is missing" in problems("celeba", root)
        (root / "identity_CelebA.txt").write_text("000001.jpg 2880\n")
        assert [p.identity for p in dataset("celeba").pictures(root)] == ["2880", ""]
        assert "000002.jpg: not in identity_CelebA.txt" in problems("celeba", root)
        (root / "identity_CelebA.txt").write_text("000001.jpg\n")
        assert "identity_CelebA.txt:1" in problems("celeba", root)


class TestAflw:
    def test_one_picture_for_each_face(self, tree: Tree) -> None:
        root = tree("data/flickr/0/image1.jpg")
        with sqlite3.connect(root / "data" / "aflw.sqlite") as db:
            db.executescript(
                """
                CREATE TABLE FaceImages (file_id TEXT, filepath TEXT);
                CREATE TABLE Faces (face_id INTEGER, file_id TEXT);
                CREATE TABLE FaceRect (face_id INTEGER, x REAL, y REAL, w REAL, h REAL);
                INSERT INTO FaceImages VALUES ('a', '0/image1.jpg'), ('b', '0/gone.jpg');
                INSERT INTO Faces VALUES (1, 'a'), (2, 'a'), (3, 'b');
                INSERT INTO FaceRect VALUES (1, 10, 20, 30, 40), (2, 5, 5, 9, 9), (3, 1, 1, 2, 2);
                """
            )
        found = dataset("aflw").pictures(root)
        assert [p.box for p in found] == [(10, 20, 40, 60), (5, 5, 14, 14)]
        assert "gone.jpg is missing" in problems("aflw", root)

    def test_another_file_under_the_name_is_a_problem(self, tree: Tree) -> None:
        root = tree("data/flickr/0/image1.jpg", "data/aflw.sqlite")
        assert "aflw.sqlite" in problems("aflw", root)


class TestLs3dW:
    def test_landmarks_stand_beside_pictures(self, tree: Tree) -> None:
        root = tree("Menpo-3D/a.jpg", "Menpo-3D/b.jpg")
        (root / "Menpo-3D" / "a.t7").touch()
        assert keys("ls3d_w", root) == ["Menpo-3D/a.jpg", "Menpo-3D/b.jpg"]
        text = problems("ls3d_w", root)
        assert "b.jpg: no landmark file" in text
        assert "a.jpg: no landmark" not in text
        assert "300VW-3D is missing" in text


class TestVggFace2:
    def test_pictures_are_cut_to_their_loose_boxes(self, tree: Tree) -> None:
        root = tree("train/n000002/0001_01.jpg", "train/n000002/0002_01.jpg")
        assert "loose_bb_train.csv is missing" in problems("vggface2", root)
        csv = root / "bb_landmark" / "loose_bb_train.csv"
        csv.parent.mkdir()
        csv.write_text('"NAME_ID",X,Y,W,H\n"n000002/0001_01",10,20,100,110\n')
        found = dataset("vggface2").pictures(root)
        assert [p.box for p in found] == [(10, 20, 110, 130), None]
        assert found[0].identity == "n000002"
        csv.write_text("a,b\n1,2\n")
        assert "loose_bb_train.csv: not NAME_ID" in problems("vggface2", root)


class TestWiderFace:
    GOOD = "0--Parade/a.jpg\n2\n10 20 15 16 0 0 0 0 0 0\n100 100 90 90 0 0 0 0 0 0\n"

    def root(self, tree: Tree, text: str) -> Path:
        root = tree("WIDER_train/images/0--Parade/a.jpg")
        folder = root / "wider_face_split"
        folder.mkdir(exist_ok=True)
        (folder / "wider_face_train_bbx_gt.txt").write_text(text)
        return root

    def test_small_faces_are_the_ones_of_10_to_24_pixels(self, tree: Tree) -> None:
        root = self.root(tree, self.GOOD)
        assert keys("widerface", root) == ["0--Parade/a.jpg#0"]
        assert problems("widerface", root) == ""
        assert build(dataset("widerface").pictures(root), root / "c", name="w", side=16).written

    def test_pictures_without_faces_and_invalid_boxes(self, tmp_path: Path) -> None:
        path = tmp_path / "x.txt"
        path.write_text(
            "a.jpg\n0\n0 0 0 0 0 0 0 0 0 0\nb.jpg\n2\n1 2 3 4 0 0 0 1 0 0\n1 2 0 4 0 0 0 0 0 0\n"
        )
        assert annotated(path) == {"a.jpg": [], "b.jpg": []}

    def test_a_mistake_names_its_line(self, tree: Tree) -> None:
        root = self.root(tree, self.GOOD + "b.jpg\nmany\n")
        assert "wider_face_train_bbx_gt.txt:5" in problems("widerface", root)

    def test_pictures_and_boxes_that_miss_each_other_are_named(self, tree: Tree) -> None:
        root = self.root(tree, self.GOOD.replace("a.jpg", "gone.jpg"))
        text = problems("widerface", root)
        assert "gone.jpg is missing" in text
        assert "a.jpg is not in the annotations" in text

    def test_stretched_pictures_are_unstretched_before_they_are_cut(
        self, samples: Path, tmp_path: Path
    ) -> None:
        with Image.open(samples / "obama.jpg") as image:
            image.resize((416, 416)).save(tmp_path / "a.png")
        face = Face(100, 100, 120, 110)
        (whole,) = small_faces(tmp_path, {"a.png": [face]}, true_sizes={"a.png": (208, 832)})
        # 20x10 in the stretched picture are 10x20 in the true one: a square of 32 px around it.
        build([whole], tmp_path / "c", name="w", side=32)
        assert np.load(tmp_path / "c" / "images.npy").shape == (1, 32, 32, 3)
        assert small_faces(tmp_path, {"a.png": [face]}, true_sizes={"a.png": (416, 300)}) == []


class TestScenes:
    def test_div2k(self, tree: Tree) -> None:
        root = tree("DIV2K_train_HR/0001.png", "DIV2K_train_HR/0003.png")
        assert keys("div2k", root) == ["0001.png", "0003.png"]
        assert "0002.png is missing" in problems("div2k", root)
        assert "and 793 pictures more are missing" in problems("div2k", root)

    @pytest.mark.parametrize("name", ["bsds100", "bsds200"])
    def test_bsds_pictures_have_one_size(self, tree: Tree, name: str) -> None:
        assert "not 481x321" in problems(name, tree("101085.png"))

    def test_lfw_files_are_called_after_their_folder(self, tree: Tree) -> None:
        root = tree("Jo_Doe/Jo_Doe_0001.jpg", "Jo_Doe/x.jpg")
        text = problems("lfw", root)
        assert "Jo_Doe/x.jpg: not called Jo_Doe_0001.jpg" in text
        assert "not 250x250" in text
        assert dataset("lfw").test_only

    def test_any_folder_and_its_empty_files(self, tree: Tree) -> None:
        root = tree("a/b/c.jpg")
        (root / "d.png").touch()
        (root / "notes.txt").touch()
        assert keys("folder", root) == ["a/b/c.jpg", "d.png"]
        assert "d.png: empty file" in problems("folder", root)


@pytest.mark.shared
class TestShared:
    """The real copies of ../shared/data."""

    def test_lfw(self, shared_data: Path) -> None:
        found = dataset("lfw").check(shared_data / "lfw")
        assert (found.pictures, found.identities) == (4011, 2100)
        assert len(found.problems) == 1

    def test_bsds100_is_whole(self, shared_data: Path) -> None:
        assert dataset("bsds100").check(shared_data / "bsds100").problems == ()
        assert dataset("bsds200").check(shared_data / "general200").problems == ()

    def test_wider_subset_has_real_low_resolution_faces(self, shared_data: Path) -> None:
        assert len(dataset("widerface").pictures(shared_data / "wider_subset")) > 900
