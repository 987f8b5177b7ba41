"""Readers on trees of each dataset's layout, made from the sample images."""

import sqlite3
import struct
from dataclasses import astuple
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.boxes import Box
from data.datasets.base import DatasetError
from data.datasets.casia_webface import record_images
from data.datasets.registry import dataset, datasets
from data.datasets.scene_faces import small_faces
from data.datasets.widerface import annotated
from data.prepared import build
from tests.data.conftest import Tree, keys, problems, write_records


def test_an_unknown_name_names_the_nearest() -> None:
    with pytest.raises(DatasetError, match="nearest is 'celeba'"):
        dataset("celebA-HQ")


@pytest.mark.parametrize("name", sorted(datasets()))
def test_an_empty_folder_is_a_problem_not_a_crash(name: str, tmp_path: Path) -> None:
    found = dataset(name).check(tmp_path)
    assert found.images == 0
    assert found.problems


class TestCasiaWebFace:
    def test_folders(self, tree: Tree) -> None:
        root = tree("0000045/001.jpg", "0000099/001.jpg", "0000099/002.jpg")
        found = dataset("casia_webface").images(root)
        assert [p.identity for p in found] == ["0000045", "0000099", "0000099"]
        assert "494,414" in problems("casia_webface", root)
        tree("people/x.jpg")
        assert "people/ is not a folder of an identity" in problems("casia_webface", root)

    def test_records(self, samples: Path, tmp_path: Path) -> None:
        write_records(tmp_path, [samples / "obama.jpg", samples / "biden.jpg"])
        found = dataset("casia_webface").images(tmp_path)
        assert [(p.key, p.identity) for p in found] == [("00000001", "0"), ("00000002", "1")]
        assert found[1].read() == (samples / "biden.jpg").read_bytes()
        assert build(found, tmp_path / "cache", name="c", side=64).written == 2

    def test_records_are_counted_by_their_own_header(self, samples: Path, tmp_path: Path) -> None:
        write_records(tmp_path, [samples / "obama.jpg", samples / "biden.jpg"])
        assert problems("casia_webface", tmp_path) == ""
        index = (tmp_path / "train.idx").read_text().splitlines(keepends=True)
        (tmp_path / "train.idx").write_text("".join(index[:2]))
        expected = "1 images where train.rec by its own header has 2"
        assert problems("casia_webface", tmp_path) == expected
        (tmp_path / "train.idx").write_text("".join(index[1:]))
        assert "no record 0" in problems("casia_webface", tmp_path)

    def test_an_index_without_records_names_the_missing_file(self, tmp_path: Path) -> None:
        (tmp_path / "train.idx").write_text("0\t0\n")
        assert f"{tmp_path / 'train.rec'} is missing" in problems("casia_webface", tmp_path)

    @pytest.mark.parametrize("kept", [0, 4, 8, 20, 36, 44, 400])
    def test_a_record_file_of_any_length_is_one_line(
        self, samples: Path, tmp_path: Path, kept: int
    ) -> None:
        write_records(tmp_path, [samples / "obama.jpg"])
        content = (tmp_path / "train.rec").read_bytes()
        (tmp_path / "train.rec").write_bytes(content[:kept])
        (text,) = dataset("casia_webface").check(tmp_path).problems
        assert str(tmp_path / "train.rec") in text
        assert "cut short" in text or "behind the end" in text

    @pytest.mark.parametrize(
        ("flag", "label", "said"),
        [(4_000_000_000, 0.0, "too short for its 4,000,000,000 labels"), (0, np.nan, "no number")],
    )
    def test_a_header_of_nonsense_is_one_line(
        self, tmp_path: Path, flag: int, label: float, said: str
    ) -> None:
        payload = struct.pack("<IfQQ", flag, label, 0, 0) + b"picture"
        record = struct.pack("<II", 0xCED7230A, len(payload)) + payload
        (tmp_path / "train.rec").write_bytes(record)
        (tmp_path / "train.idx").write_text("0\t0\n")
        assert said in problems("casia_webface", tmp_path)

    def test_a_cut_record_file_is_named(self, samples: Path, tmp_path: Path) -> None:
        write_records(tmp_path, [samples / "obama.jpg"])
        content = (tmp_path / "train.rec").read_bytes()
        (tmp_path / "train.rec").write_bytes(content[:-5000])
        assert "cut short" in problems("casia_webface", tmp_path)
        (tmp_path / "train.rec").write_bytes(b"\0" * len(content))
        with pytest.raises(DatasetError, match="no record begins"):
            record_images(tmp_path)
        (tmp_path / "train.idx").write_text("one\ttwo\n")
        with pytest.raises(DatasetError, match=r"train\.idx:1"):
            record_images(tmp_path)


class TestCelebA:
    def test_identities_come_from_the_file(self, tree: Tree) -> None:
        root = tree("img_align_celeba/000001.jpg", "img_align_celeba/000002.jpg")
        assert "identity_CelebA.txt is missing" in problems("celeba", root)
        (root / "identity_CelebA.txt").write_text("000001.jpg 2880\n")
        assert [p.identity for p in dataset("celeba").images(root)] == ["2880", ""]
        assert "000002.jpg: not in identity_CelebA.txt" in problems("celeba", root)
        (root / "identity_CelebA.txt").write_text("000001.jpg\n")
        assert "identity_CelebA.txt:1" in problems("celeba", root)

    def test_wild_images_are_cut_as_aligned_ones_are(self, tree: Tree) -> None:
        """The annotations of 000001.jpg of CelebA, and where its aligned image comes from."""
        root = tree("img_celeba/000001.jpg", "img_celeba/000002.jpg")
        with Image.new("RGB", (409, 687)) as image:
            image.save(root / "img_celeba" / "000001.jpg")
        whole = dataset("celeba").images(root)
        assert [p.box for p in whole] == [None, None]
        said = "list_bbox_celeba.txt is missing: whole images will be used"
        assert said in problems("celeba", root)
        path = root / "Anno" / "list_bbox_celeba.txt"
        path.parent.mkdir()
        path.write_text("1\nimage_id x_1 y_1 width height\n000001.jpg    95  71 226 313\n")
        found, bare = dataset("celeba").images(root)
        assert bare.box is None
        assert found.box is not None
        # Aligned, the eyes are 37.2 px apart in a square of 178 px; here they are 79.4.
        side, eyes = 178 * 79.4 / 37.2, (204.5, 180)
        aligned = (eyes[0] - side / 2, eyes[1] - 75 / 178 * side)
        assert found.box.width == found.box.height
        assert found.box.width == pytest.approx(side, rel=0.05)
        assert (found.box.left, found.box.top) == pytest.approx(aligned, abs=0.06 * side)
        text = problems("celeba", root)
        assert "000002.jpg: no box in list_bbox_celeba.txt" in text
        assert "000001.jpg" not in text
        path.write_text("000001.jpg 95 71 226\n")
        assert "list_bbox_celeba.txt:1: not 'image x_1" in problems("celeba", root)

    def test_aligned_images_have_no_boxes(self, tree: Tree) -> None:
        root = tree("img_align_celeba/000001.jpg")
        (root / "list_bbox_celeba.txt").write_text("000001.jpg 95 71 226 313\n")
        assert [p.box for p in dataset("celeba").images(root)] == [None]
        assert "bbox" not in problems("celeba", root)


class TestAflw:
    def test_one_image_for_each_face(self, tree: Tree) -> None:
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
        found = dataset("aflw").images(root)
        assert [p.box for p in found] == [Box(10, 20, 40, 60), Box(5, 5, 14, 14)]
        assert "gone.jpg is missing" in problems("aflw", root)

    def test_another_file_under_the_name_is_a_problem(self, tree: Tree) -> None:
        root = tree("data/flickr/0/image1.jpg", "data/aflw.sqlite")
        assert "aflw.sqlite" in problems("aflw", root)


class TestLs3dW:
    def test_landmarks_stand_beside_images(self, tree: Tree) -> None:
        root = tree("Menpo-3D/a.jpg", "Menpo-3D/b.jpg")
        (root / "Menpo-3D" / "a.t7").touch()
        assert keys("ls3d_w", root) == ["Menpo-3D/a.jpg", "Menpo-3D/b.jpg"]
        text = problems("ls3d_w", root)
        assert "b.jpg: no landmark file" in text
        assert "a.jpg: no landmark" not in text
        assert "300VW-3D is missing" in text

    def test_faces_are_framed_as_lfw_frames_them(self, tree: Tree) -> None:
        """Landmarks of the median face of LFW: 98x95 px about (125.5, 144) of 250x250."""
        root = tree("Menpo-3D/a.png", "Menpo-3D/b.jpg", "Menpo-3D/c.jpg", "Menpo-3D/d.jpg")
        with Image.new("RGB", (1000, 1000)) as image:
            image.save(root / "Menpo-3D" / "a.png")
        face = np.random.default_rng(0).uniform(size=(68, 2))
        face[:2] = (0, 0), (1, 1)
        write_pts(root / "Menpo-3D" / "a.pts", face * (98, 95) + (426.5, 496.5))
        write_pts(root / "Menpo-3D" / "b.pts", face * 100 + 5000)
        (root / "Menpo-3D" / "c.t7").write_bytes(b"nothing")
        boxes = [p.box for p in dataset("ls3d_w").images(root)]
        assert boxes[0] is not None
        assert astuple(boxes[0]) == pytest.approx((350, 400, 600, 650), abs=6)
        assert boxes[1:] == [None, None, None]
        lines = problems("ls3d_w", root).splitlines()
        said = {p[:14]: p for p in lines if p.startswith("Menpo-3D/")}
        assert "b.pts: its landmarks are not on the image" in said["Menpo-3D/b.jpg"]
        assert "c.t7: no landmarks can be read" in said["Menpo-3D/c.jpg"]
        assert "no landmark file (.t7, .mat, .pts) beside it" in said["Menpo-3D/d.jpg"]
        assert len(said) == 3

    def test_a_part_of_known_size_is_counted(self, tree: Tree) -> None:
        root = tree("AFLW2000-3D-Reannotated/image00002.jpg")
        said = "1 images where the whole of AFLW2000-3D-Reannotated has 2,000"
        assert said in problems("ls3d_w", root)


def write_pts(path: Path, points: np.ndarray) -> None:
    rows = "\n".join(f"{x} {y}" for x, y in points)
    path.write_text(f"version: 1\nn_points: {len(points)}\n{{\n{rows}\n}}\n")


class TestVggFace2:
    def test_images_are_cut_to_their_loose_boxes(self, tree: Tree) -> None:
        root = tree("train/n000002/0001_01.jpg", "train/n000002/0002_01.jpg")
        assert "loose_bb_train.csv is missing" in problems("vggface2", root)
        csv = root / "bb_landmark" / "loose_bb_train.csv"
        csv.parent.mkdir()
        csv.write_text('"NAME_ID",X,Y,W,H\n"n000002/0001_01",10,20,100,110\n')
        found = dataset("vggface2").images(root)
        assert [p.box for p in found] == [Box(10, 20, 110, 130), None]
        assert found[0].identity == "n000002"
        csv.write_text("a,b\n1,2\n")
        assert "loose_bb_train.csv: not NAME_ID" in problems("vggface2", root)

    def test_what_is_missing_is_counted_and_named(self, tree: Tree) -> None:
        root = tree("train/n000002/0001_01.jpg", "test/n000001/0001_01.jpg")
        csv = root / "bb_landmark" / "loose_bb_train.csv"
        csv.parent.mkdir()
        rows = "".join(f'"n000002/{n:04d}_01",1,2,3,4\n' for n in range(1, 9))
        csv.write_text(f'"NAME_ID",X,Y,W,H\n{rows}')
        lines = problems("vggface2", root).splitlines()
        assert "1 images where the whole of train/ has 3,141,890" in lines
        assert "1 images where the whole of test/ has 169,396" in lines
        absent = [line for line in lines if line.endswith("loose_bb_train.csv lists it")]
        assert absent[0].startswith(f"{root / 'train/n000002/0002_01.jpg'} is missing")
        assert len(absent) == 5
        assert "and 2 images more of loose_bb_train.csv are missing" in lines


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
        expected = "1 images where the whole of WIDER_train has 12,880"
        assert problems("widerface", root) == expected
        assert build(dataset("widerface").images(root), root / "c", name="w", side=16).written

    def test_faces_whose_square_leaves_the_image_are_not_listed(self, tree: Tree) -> None:
        width, height = Image.open(tree("x.jpg") / "x.jpg").size
        corners = [(0, 50), (50, 0), (width - 16, 50), (50, height - 16), (50, 50)]
        rows = "".join(f"{x} {y} 16 16 0 0 0 0 0 0\n" for x, y in corners)
        root = self.root(tree, f"0--Parade/a.jpg\n5\n{rows}")
        images = dataset("widerface").images(root)
        assert [p.key for p in images] == ["0--Parade/a.jpg#4"]
        made = build(images, root / "c", name="w", side=16)
        assert (made.written, made.unreadable) == (1, ())

    def test_faces_of_a_broken_scene_stay_listed(self, tree: Tree) -> None:
        root = self.root(tree, self.GOOD)
        (root / "WIDER_train" / "images" / "0--Parade" / "a.jpg").write_bytes(b"nothing")
        made = build(dataset("widerface").images(root), root / "c", name="w", side=16)
        assert "0--Parade/a.jpg#0" in made.unreadable
        assert "0--Parade/a.jpg: not an image" in problems("widerface", root)

    def test_a_squeezed_copy_is_put_right_downwards(self, tree: Tree) -> None:
        root = tree("images/a.jpg")
        Image.open(root / "images" / "a.jpg").resize((416, 416)).save(root / "images" / "a.jpg")
        (root / "boxes_416.csv").write_text(
            "file,x0,y0,x1,y1,orig_w,orig_h\na.jpg,100,100,120,140,1040,520\n"
        )
        (face,) = dataset("widerface").images(root)
        with Image.open(BytesIO(face.read())) as square:
            assert square.size == (32, 32)  # 20 px of face height, half of what is stored

    def test_the_subset_names_what_is_missing(self, tree: Tree) -> None:
        root = tree("images/a.jpg")
        (root / "boxes_416.csv").write_text(
            "file,x0,y0,x1,y1,orig_w,orig_h\na.jpg,100,100,120,116,416,416\n"
            "gone.jpg,100,100,120,116,416,416\n"
        )
        assert keys("widerface", root) == ["a.jpg#0"]
        assert problems("widerface", root) == f"{root / 'images' / 'gone.jpg'} is missing"
        (root / "boxes_416.csv").write_text("file,x0\na.jpg,1\n")
        assert "boxes_416.csv: not file,x0,y0" in problems("widerface", root)

    def test_images_without_faces_and_invalid_boxes(self, tmp_path: Path) -> None:
        path = tmp_path / "x.txt"
        path.write_text(
            "a.jpg\n0\n0 0 0 0 0 0 0 0 0 0\nb.jpg\n2\n1 2 3 4 0 0 0 1 0 0\n1 2 0 4 0 0 0 0 0 0\n"
        )
        assert annotated(path) == {"a.jpg": [], "b.jpg": []}

    def test_a_mistake_names_its_line(self, tree: Tree) -> None:
        root = self.root(tree, self.GOOD + "b.jpg\nmany\n")
        assert "wider_face_train_bbx_gt.txt: line 6" in problems("widerface", root)

    def test_images_and_boxes_that_miss_each_other_are_named(self, tree: Tree) -> None:
        root = self.root(tree, self.GOOD.replace("a.jpg", "gone.jpg"))
        text = problems("widerface", root)
        assert "gone.jpg is missing" in text
        assert "a.jpg is not in the annotations" in text

    def test_stretched_images_are_unstretched_before_they_are_cut(
        self, samples: Path, tmp_path: Path
    ) -> None:
        with Image.open(samples / "obama.jpg") as image:
            image.resize((416, 416)).save(tmp_path / "a.png")
        face = Box(100, 100, 120, 110)
        (whole,) = small_faces(tmp_path, {"a.png": [face]}, true_sizes={"a.png": (208, 832)})
        # 20x10 in the stretched image are 10x20 in the true one: a square of 32 px around it.
        build([whole], tmp_path / "c", name="w", side=32)
        assert np.load(tmp_path / "c" / "images.npy").shape == (1, 32, 32, 3)
        assert small_faces(tmp_path, {"a.png": [face]}, true_sizes={"a.png": (416, 300)}) == []


class TestScenes:
    def test_div2k(self, tree: Tree) -> None:
        root = tree("DIV2K_train_HR/0001.png", "DIV2K_train_HR/0003.png")
        assert keys("div2k", root) == ["0001.png", "0003.png"]
        assert "0002.png is missing" in problems("div2k", root)
        assert "and 793 images more are missing" in problems("div2k", root)

    @pytest.mark.parametrize("name", ["bsds100", "bsds200"])
    def test_bsds_images_have_one_size(self, tree: Tree, name: str) -> None:
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
        assert (found.images, found.identities) == (4011, 2100)
        assert len(found.problems) == 1

    def test_bsds100_is_whole(self, shared_data: Path) -> None:
        assert dataset("bsds100").check(shared_data / "bsds100").problems == ()
        assert dataset("bsds200").check(shared_data / "general200").problems == ()
