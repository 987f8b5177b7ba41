"""Any image becomes contiguous uint8 RGB; what is no whole image is one clear line."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from PIL import Image, ImageFile

from data.errors import ImageError, OutputError
from data.images.files import load_rgb, save_png


def grey_of(rgb: np.ndarray) -> np.ndarray:
    return rgb.astype(float).mean(axis=2)


@pytest.fixture(scope="module")
def face(samples: Path) -> Image.Image:
    return Image.open(samples / "obama.jpg").convert("RGB").resize((120, 150))


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [
        ("L", "png"),
        ("LA", "png"),
        ("P", "png"),
        ("P", "gif"),
        ("RGB", "bmp"),
        ("RGB", "webp"),
        ("RGBA", "png"),
        ("CMYK", "jpg"),
        ("CMYK", "tif"),
        ("I;16", "png"),
        ("I;16", "tif"),
        ("F", "tif"),
        ("1", "png"),
    ],
)
def test_every_mode_becomes_the_same_rgb_image(
    face: Image.Image, tmp_path: Path, mode: str, suffix: str
) -> None:
    path = tmp_path / f"face.{suffix}"
    if mode == "I;16":
        Image.fromarray(np.asarray(face.convert("L")).astype(np.uint16) * 257).save(path)
    else:
        face.convert(mode).save(path)
    rgb = load_rgb(path)
    assert rgb.shape == (150, 120, 3)
    assert rgb.dtype == np.uint8
    assert rgb.flags.c_contiguous
    # A dithered black-and-white image keeps the mean only.
    if mode == "1":
        assert abs(grey_of(rgb).mean() - grey_of(np.asarray(face)).mean()) < 12
    else:
        assert np.abs(grey_of(rgb) - grey_of(np.asarray(face))).mean() < 12


def test_transparent_parts_are_white(tmp_path: Path) -> None:
    Image.new("RGBA", (8, 8), (200, 0, 0, 0)).save(tmp_path / "clear.png")
    assert (load_rgb(tmp_path / "clear.png") == 255).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied(face: Image.Image, tmp_path: Path, orientation: int) -> None:
    turned = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = face if turned is None else face.transpose(turned)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "turned.png", exif=exif)
    assert np.array_equal(load_rgb(tmp_path / "turned.png"), np.asarray(face))


def damaged_files(tmp_path: Path, face: Image.Image) -> dict[str, Path]:
    buffer = io.BytesIO()
    face.save(buffer, "JPEG")
    contents = {
        "truncated.jpg": buffer.getvalue()[:900],
        "empty.jpg": b"",
        "text.jpg": b"I am not an image.\n" * 50,
        "header.png": b"\x89PNG\r\n\x1a\n" + bytes(40),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    Image.new("RGB", (1, 1)).save(tmp_path / "one.png")
    Image.new("1", (20_000, 20_000)).save(tmp_path / "bomb.png")
    (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
    (tmp_path / "folder.jpg").mkdir()
    return {path.name: path for path in tmp_path.iterdir()}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("truncated.jpg", "truncated"),
        ("empty.jpg", "empty"),
        ("text.jpg", "not an image"),
        ("header.png", "image"),
        ("one.png", "1x1 pixels is too small"),
        ("bomb.png", "million"),
        ("loop.jpg", "symbolic links"),
        ("folder.jpg", "directory"),
    ],
)
def test_a_bad_file_is_one_clear_line(
    tmp_path: Path, face: Image.Image, name: str, words: str
) -> None:
    with pytest.raises(ImageError, match=words) as caught:
        load_rgb(damaged_files(tmp_path, face)[name])
    assert "\n" not in str(caught.value)


def test_a_truncated_file_is_refused_whatever_other_libraries_set(
    tmp_path: Path, face: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with pytest.raises(ImageError, match="truncated"):
        load_rgb(damaged_files(tmp_path, face)["truncated.jpg"])


@given(content=st.binary(max_size=300), head=st.sampled_from([b"\xff\xd8\xff", b"GIF89a", b"BM"]))
def test_random_bytes_are_an_image_error_or_an_image(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, head: bytes
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "x.jpg"
    path.write_bytes(head + content)
    try:
        assert load_rgb(path).ndim == 3
    except ImageError as error:
        assert "\n" not in str(error)


@given(rgb=npst.arrays(np.uint8, st.tuples(st.integers(4, 20), st.integers(4, 20), st.just(3))))
def test_saved_images_come_back_equal(
    tmp_path_factory: pytest.TempPathFactory, rgb: np.ndarray
) -> None:
    path = tmp_path_factory.mktemp("png") / "a" / "b.png"
    save_png(path, rgb)
    assert np.array_equal(load_rgb(path), rgb)
    assert [file.name for file in path.parent.iterdir()] == ["b.png"]


def test_an_unwritable_folder_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="file"):
        save_png(tmp_path / "file" / "x.png", np.zeros((8, 8, 3), np.uint8))
