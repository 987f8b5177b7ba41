"""Every kind of INPUT becomes sources with keys and output names of their own."""

import io
import os
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
import pytest
from PIL import Image

from data.boxes import Box
from data.errors import ImageError, TruthError, UsageError
from pipeline.inputs.sources import Listing, Source, cut_region


def image(path: Path, level: int = 128) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (24, 32), (level, level, level)).save(path)
    return path


def keys(*inputs: str | Path, **options: object) -> list[str]:
    return [s.key for s in Listing(tuple(map(str, inputs)), **options)]  # type: ignore[arg-type]


def test_a_folder_is_searched_recursively_in_sorted_order(tmp_path: Path) -> None:
    for name in ("b/2.png", "b/1.JPG", "a.png", "c/d/e.webp"):
        image(tmp_path / name)
    (tmp_path / "notes.txt").write_text("skipped")
    assert keys(tmp_path) == ["a.png", "b/1.JPG", "b/2.png", "c/d/e.webp"]
    assert Listing((str(tmp_path),)).total() == 4


def test_the_output_folder_inside_the_input_is_not_searched(tmp_path: Path) -> None:
    image(tmp_path / "a.png")
    image(tmp_path / "out" / "sr" / "a.png")
    assert keys(tmp_path, excluded=tmp_path / "out") == ["a.png"]


def test_symlink_loops_end(tmp_path: Path) -> None:
    image(tmp_path / "a" / "x.png")
    (tmp_path / "a" / "again").symlink_to(tmp_path, target_is_directory=True)
    assert keys(tmp_path) == ["a/x.png"]


def test_equal_names_in_different_folders_stay_apart(tmp_path: Path) -> None:
    one, two = image(tmp_path / "one" / "x.png"), image(tmp_path / "two" / "x.png")
    assert keys(one, two) == ["one/x.png", "two/x.png"]
    assert keys(tmp_path / "one", tmp_path / "two") == ["one/x.png", "two/x.png"]


def test_outputs_never_collide(tmp_path: Path) -> None:
    for name in ("x.jpg", "x.png", "X.PNG", "x.jpg.png"):
        image(tmp_path / name)
    outputs = [source.output for source in Listing((str(tmp_path),))]
    assert len({name.lower() for name in outputs}) == 4
    assert all(name.endswith(".png") for name in outputs)


def test_no_output_is_the_folder_of_another(tmp_path: Path) -> None:
    """Names that begin like a formula get `./` before them: still the same folder."""
    for name in ("|.jpeg", "|.png/$(x).jpeg", "|.png/e.PNG", "|.png/e.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        image(tmp_path / name)
    outputs = {str(PurePosixPath(source.output)) for source in Listing((str(tmp_path),))}
    folders = {str(parent) for name in outputs for parent in PurePosixPath(name).parents}
    assert len(outputs) == 4
    assert not outputs & folders


def test_a_glob_keeps_the_folders_behind_its_fixed_part(tmp_path: Path) -> None:
    for name in ("p/1.png", "q/1.png", "q/2.jpg"):
        image(tmp_path / name)
    assert keys(f"{tmp_path}/*/*.png") == ["p/1.png", "q/1.png"]


def test_paths_come_from_stdin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = image(tmp_path / "1.png"), image(tmp_path / "2.png")
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{second}\n\n{first}\n"))
    listing = Listing(("-",))
    assert listing.total() is None
    assert [source.path for source in listing] == [second, first]


def test_a_missing_file_is_an_error_row_not_the_end() -> None:
    (source,) = Listing(("nowhere.png",))
    with pytest.raises(ImageError, match="no such file"):
        source.load()


def test_long_and_foreign_names_have_short_outputs(tmp_path: Path) -> None:
    image(tmp_path / ("ü" * 120 + ".png"))
    image(tmp_path / "лицо 😀.png")
    raw = os.fsencode(tmp_path) + b"/caf\xe9.png"
    Path(os.fsdecode(raw)).write_bytes(image(tmp_path / "z.png").read_bytes())
    sources = list(Listing((str(tmp_path),)))
    assert len(sources) == 4
    for source in sources:
        source.key.encode()
        assert len(Path(source.output).name.encode()) <= 255 - 40
        assert source.load().ndim == 3


def manifest(tmp_path: Path, text: str) -> Listing:
    image(tmp_path / "faces" / "a.png")
    (tmp_path / "list.csv").write_text(text, encoding="utf-8")
    return Listing((str(tmp_path / "list.csv"),))


def test_a_manifest_names_images_boxes_and_people(tmp_path: Path) -> None:
    listing = manifest(
        tmp_path,
        "image,left,top,right,bottom,identity\n"
        "faces/a.png,2,4,18,20,Ann\nfaces/a.png,,,,,\nfaces/gone.png,,,,,Bob\n",
    )
    first, second, third = listing
    assert (first.region, first.identity) == (Box(2, 4, 18, 20), "Ann")
    assert (second.region, second.identity) == (None, None)
    assert first.key == "faces/a.png" != second.key
    assert first.output != second.output
    with pytest.raises(ImageError, match="No such file"):
        third.load()


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("faces/a.png,2,4,18,", "not valid"),
        ("faces/a.png,18,4,2,20", "not valid"),
        ("faces/a.png,x,4,18,20", "not valid"),
        ("faces/a.png,nan,4,18,20", "not valid"),
        (",2,4,18,20", "names no image"),
    ],
    ids=["missing side", "swapped", "text", "nan", "no name"],
)
def test_a_wrong_manifest_row_is_an_error_row(tmp_path: Path, row: str, words: str) -> None:
    (source,) = manifest(tmp_path, f"image,left,top,right,bottom\n{row}\n")
    with pytest.raises(ImageError, match=words):
        source.load()


def test_a_manifest_without_the_image_column_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TruthError, match="no column `image`"):
        list(manifest(tmp_path, "file,left\na.png,3\n"))


def test_a_list_is_relative_to_the_input_folder(tmp_path: Path) -> None:
    image(tmp_path / "set" / "p" / "a.png")
    (tmp_path / "list.csv").write_text("image\np/a.png\n")
    listing = Listing((str(tmp_path / "set"),), listed=tmp_path / "list.csv")
    assert [source.path for source in listing] == [tmp_path / "set" / "p" / "a.png"]
    with pytest.raises(UsageError, match="exactly one INPUT folder"):
        list(Listing(("a", "b"), listed=tmp_path / "list.csv"))


@pytest.mark.parametrize(
    "region", [Box(-12, 0, 10, 10), Box(0, 0, 60, 10), Box(30, 0, 40, 9), Box(3, 3, 5, 20)]
)
def test_a_region_outside_the_image_or_too_small_is_refused(region: Box) -> None:
    with pytest.raises(ImageError, match="box"):
        cut_region(np.zeros((32, 24, 3), np.uint8), region)


def test_a_region_a_pixel_too_large_is_clipped_like_ground_truth() -> None:
    rgb = np.zeros((32, 24, 3), np.uint8)
    assert cut_region(rgb, Box(-1, -1, 25, 33)).shape == (32, 24, 3)


def test_a_region_is_cut_out() -> None:
    rgb = np.arange(32 * 24 * 3, dtype=np.uint32).astype(np.uint8).reshape(32, 24, 3)
    assert np.array_equal(cut_region(rgb, Box(2, 4, 18, 20)), rgb[4:20, 2:18])


def video(path: Path, frames: int) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (64, 48))
    for number in range(frames):
        writer.write(np.full((48, 64, 3), number * 8, np.uint8))
    writer.release()
    return path


def test_every_nth_frame_of_a_video_is_an_image(tmp_path: Path) -> None:
    video(tmp_path / "clip.avi", 20)
    listing = Listing((str(tmp_path / "clip.avi"),), every=8)
    sources = list(listing)
    assert [source.key for source in sources] == [
        f"clip.avi/{number:06d}.png" for number in (0, 8, 16)
    ]
    assert listing.total() == 3
    assert [round(source.load().mean() / 8) for source in sources] == [0, 8, 16]


def test_a_broken_video_is_an_error_row(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"no video" * 100)
    (source,) = Listing((str(tmp_path / "clip.mp4"),))
    with pytest.raises(ImageError, match="video"):
        source.load()


def test_a_limit_ends_the_listing(tmp_path: Path) -> None:
    for number in range(5):
        image(tmp_path / f"{number}.png")
    listing = Listing((str(tmp_path),), limit=2)
    assert [source.key for source in listing] == ["0.png", "1.png"]
    assert listing.total() == 2


def test_sources_without_pixels_compare_by_value() -> None:
    assert Source("a", Path("a")) == Source("a", Path("a"), pixels=np.zeros((4, 4, 3), np.uint8))
