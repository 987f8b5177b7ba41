"""Broken images are told from whole ones, and `check` says which they are on any wrong copy."""

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from data.datasets.base import DatasetError, Report, few, guarded, text_of
from data.datasets.integrity import fault, size
from data.datasets.registry import dataset
from data.prepared import DatasetImage, square
from tests.data.conftest import Tree, problems

FORMATS = {"JPEG": ".jpg", "PNG": ".png", "BMP": ".bmp", "PPM": ".ppm", "WEBP": ".webp"}


def encoded(samples: Path, form: str) -> bytes:
    file = BytesIO()
    with Image.open(samples / "obama.jpg") as image:
        image.convert("RGB").resize((90, 110)).save(file, form)
    return file.getvalue()


@pytest.mark.parametrize("form", [*FORMATS, "TIFF"])
def test_whole_images_have_no_fault(samples: Path, form: str) -> None:
    content = encoded(samples, form)
    assert fault(DatasetImage("a", "", lambda: content)) is None


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_cut_images_have_one(samples: Path, tmp_path: Path, form: str, share: float) -> None:
    content = encoded(samples, form)
    path = tmp_path / f"a{FORMATS[form]}"
    path.write_bytes(content[: int(len(content) * share)])
    found = fault(DatasetImage("a", "", path.read_bytes))
    assert found is not None
    assert "\n" not in found
    with pytest.raises((OSError, ValueError)):
        square(path.read_bytes(), 16, 0.5, None)


def test_bytes_behind_the_end_are_no_fault(samples: Path) -> None:
    content = encoded(samples, "JPEG") + bytes(100)
    assert fault(DatasetImage("a", "", lambda: content)) is None


def test_files_that_cannot_be_opened_have_one(tmp_path: Path) -> None:
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "link.jpg").symlink_to(tmp_path / "nowhere.jpg")
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("no image")
    said = {p.stem: fault(DatasetImage("a", "", p.read_bytes)) or "" for p in tmp_path.iterdir()}
    assert said["folder"].startswith("cannot be read")
    assert said["link"].startswith("cannot be read")
    assert said["empty"] == "empty file"
    assert said["text"].startswith("not an image")
    assert {size(p) for p in tmp_path.iterdir()} == {None}


def test_the_size_comes_from_the_header(samples: Path, tmp_path: Path) -> None:
    content = encoded(samples, "JPEG")
    (tmp_path / "a.jpg").write_bytes(content[:-500])
    assert size(tmp_path / "a.jpg") == (90, 110)


@pytest.mark.parametrize("count", [0, 5, 6, 1005])
def test_few_says_how_many_more_there_are(count: int) -> None:
    lines = [f"line {n}" for n in range(count)]
    shown = few(lines, "lines more")
    assert shown[:5] == lines[:5]
    assert shown[5:] == ([f"and {count - 5:,} lines more"] if count > 5 else [])


class TestCheck:
    def test_every_broken_image_of_a_folder_is_named(self, tree: Tree) -> None:
        root = tree("good.jpg", "cut.jpg")
        (root / "cut.jpg").write_bytes((root / "good.jpg").read_bytes()[:9000])
        (root / "text.png").write_text("no image")
        lines = problems("folder", root).splitlines()
        assert [line.split(":")[0] for line in lines] == ["cut.jpg", "text.png"]
        for number in range(60):
            (root / f"{number}.jpg").touch()
        assert problems("folder", root).endswith("and 12 images more are broken")

    @pytest.mark.parametrize("name", ["bsds100", "bsds200", "lfw", "div2k", "celeba", "vggface2"])
    @pytest.mark.parametrize("content", [b"", b"garbage"])
    def test_broken_images_are_lines_not_crashes(
        self, tree: Tree, name: str, content: bytes
    ) -> None:
        folder = {"vggface2": "train/n000002", "lfw": "Jo_Doe"}.get(name, "some")
        root = tree(f"{folder}/Jo_Doe_0001.jpg", f"{folder}/Jo_Doe_0002.jpg")
        (root / folder / "Jo_Doe_0001.jpg").write_bytes(content)
        found = dataset(name).check(root)
        assert found.images == 2
        assert sum("Jo_Doe_0001.jpg: " in line for line in found.problems) == 1

    def test_lfw_is_measured_by_an_image_that_opens(self, tree: Tree) -> None:
        root = tree("Jo_Doe/Jo_Doe_0001.jpg", "Jo_Doe/Jo_Doe_0002.jpg")
        (root / "Jo_Doe" / "Jo_Doe_0001.jpg").write_bytes(b"")
        text = problems("lfw", root)
        assert "Jo_Doe/Jo_Doe_0001.jpg: empty file" in text
        assert "Jo_Doe/Jo_Doe_0002.jpg: 4" in text
        assert "not 250x250" in text

    @pytest.mark.parametrize(
        ("name", "image", "file"),
        [
            ("celeba", "img_align_celeba/1.jpg", "identity_CelebA.txt"),
            ("celeba", "img_celeba/1.jpg", "list_bbox_celeba.txt"),
            ("casia_webface", "train.rec", "train.idx"),
            ("widerface", "images/1.jpg", "boxes_416.csv"),
            (
                *("widerface", "WIDER_train/images/1.jpg"),
                "wider_face_split/wider_face_train_bbx_gt.txt",
            ),
            ("vggface2", "train/n000002/1.jpg", "bb_landmark/loose_bb_train.csv"),
        ],
    )
    def test_text_files_of_other_bytes_are_one_line(
        self, tree: Tree, name: str, image: str, file: str
    ) -> None:
        root = tree(image)
        (root / file).parent.mkdir(exist_ok=True)
        (root / file).write_bytes(b"\xff\xfe\xe9 \n")
        (text,) = dataset(name).check(root).problems
        assert str(root / file) in text
        with pytest.raises(DatasetError, match=r"cannot be read|not UTF-8"):
            dataset(name).images(root)

    @pytest.mark.parametrize(
        ("name", "paths", "rest"),
        [
            ("celeba", "img_align_celeba/{}.jpg", "not in identity_CelebA.txt"),
            ("ls3d_w", "Menpo-3D/{}.jpg", "will be used whole: no landmarks"),
            ("vggface2", "train/person{}/1.jpg", "not of an identity"),
            ("casia_webface", "person{}/1.jpg", "not of an identity"),
            ("bsds100", "{}.jpg", "not 481x321"),
            ("lfw", "Jo_Doe/{}.jpg", "not called after their folder"),
            ("widerface", "WIDER_train/images/{}.jpg", "not in the annotations"),
        ],
    )
    def test_long_lists_end_with_how_many_more(
        self, tree: Tree, name: str, paths: str, rest: str
    ) -> None:
        root = tree(*(paths.format(n) for n in range(8)))
        (root / "identity_CelebA.txt").write_text("other.jpg 1\n")
        split = root / "wider_face_split"
        split.mkdir()
        (split / "wider_face_train_bbx_gt.txt").write_text("")
        last = [line for line in dataset(name).check(root).problems if line.startswith("and ")]
        assert len(last) == 1
        assert last[0].startswith("and 3 ")
        assert last[0].endswith(rest)

    def test_what_else_a_copy_raises_is_one_line(self, tmp_path: Path) -> None:
        @guarded
        def check(root: Path) -> Report:
            (root / "two\nlines").read_bytes()
            raise AssertionError

        (text,) = check(tmp_path).problems
        assert text.startswith(f"{tmp_path}: ")
        assert "\n" not in text


def test_text_names_its_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"ok \xe9")
    with pytest.raises(DatasetError, match=r"a\.txt cannot be read: 'ascii'"):
        text_of(tmp_path / "a.txt")
