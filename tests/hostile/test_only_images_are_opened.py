"""Only regular files that hold images are opened; everything else is a row, at once."""

import os
import socket
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from data.errors import ImageError, TruthError
from data.images.files import MAX_BYTES, load_image, load_rgb
from data.images.video import read_frames
from pipeline.inputs.sources import Listing
from tests.hostile.conftest import Run


def test_postscript_in_a_jpg_starts_no_ghostscript(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "ran"
    gs = tmp_path / "bin" / "gs"
    gs.parent.mkdir()
    gs.write_text(f"#!/bin/sh\ntouch {told}\n")
    gs.chmod(gs.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{gs.parent}:{os.environ['PATH']}")
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 40 40\n%%EndComments\nshowpage\n%%EOF\n"
    (tmp_path / "face.jpg").write_bytes(eps)
    with pytest.raises(ImageError, match="not an image"):
        load_rgb(tmp_path / "face.jpg")
    assert not told.exists()


def odd_file(folder: Path, kind: str) -> Path:
    path = folder / "x.jpg"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "socket":
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(path))
        server.close()
    else:
        with path.open("wb") as file:
            file.truncate(MAX_BYTES + 1)
    return path


@pytest.mark.parametrize("kind", ["pipe", "device", "socket", "sparse"])
def test_what_is_no_regular_file_is_an_error_row(tmp_path: Path, kind: str) -> None:
    odd_file(tmp_path, kind)
    (source,) = Listing((str(tmp_path),))
    with pytest.raises(ImageError, match=r"pipe|device|socket|No such device|MiB"):
        source.load()


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_odd_videos_manifests_and_truth_do_not_hang(tmp_path: Path, kind: str) -> None:
    from data.annotations.annotations import read_truth

    odd = odd_file(tmp_path, kind)
    video, table = tmp_path / "x.mp4", tmp_path / "x.csv"
    odd.rename(video)
    with pytest.raises(ImageError, match="not a regular file"):
        next(read_frames(video, 1))
    assert Listing((str(video),)).total() == 1
    video.rename(table)
    with pytest.raises(TruthError, match="not a regular file"):
        list(Listing((str(table),)))
    with pytest.raises(TruthError, match="not a regular file"):
        read_truth(table)


def test_a_pipe_in_a_folder_does_not_stop_the_others(run: Run, photos: Path) -> None:
    os.mkfifo(photos / "pipe.jpg")
    os.mkfifo(photos / "pipe.mp4")
    done = run("degrade", photos, "--out", photos.parent / "out", "--quiet")
    assert done.exit_code == 1
    assert done.stdout.count("not a regular file") == 2
    assert len(list((photos.parent / "out" / "lr").glob("*.png"))) == 3


def test_a_folder_that_cannot_be_listed_is_a_row(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (photos / "closed").mkdir()
    listed = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    sources = {source.key: source.problem for source in Listing((str(photos),))}
    assert sources.pop("closed") == "the folder cannot be listed: Permission denied"
    assert set(sources) == {"a.png", "b.png", "c.png"}


@pytest.mark.parametrize("suffix", ["png", "webp", "jpg"])
def test_exif_that_is_none_leaves_a_good_image(
    face: Image.Image, tmp_path: Path, suffix: str
) -> None:
    face.save(tmp_path / f"x.{suffix}", exif=b"Exif\0\0garbagegarbage")
    assert load_rgb(tmp_path / f"x.{suffix}").shape == (40, 40, 3)


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "tif"])
def test_of_several_frames_a_word_says_that_the_first_was_used(
    face: Image.Image, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"x.{suffix}"
    face.save(path, save_all=True, append_images=[face.rotate(90), face.rotate(180)])
    assert load_image(path).note == "only the first frame was used"
    face.save(path)
    assert load_image(path).note == ""


@pytest.mark.parametrize("bits", [8, 12])
def test_small_values_in_sixteen_bits_are_not_black(
    face: Image.Image, tmp_path: Path, bits: int
) -> None:
    grey = np.asarray(face.convert("L")).astype(np.uint16)
    Image.fromarray(grey if bits == 8 else grey * 16).save(tmp_path / "x.png")
    image = load_image(tmp_path / "x.png")
    assert abs(float(image.rgb.mean()) - float(grey.mean())) < 2
    assert f"{bits}-bit" in image.note


def video(path: Path, frames: int) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (64, 48))
    for number in range(frames):
        writer.write(np.full((48, 64, 3), number * 4, np.uint8))
    writer.release()
    return path


def test_a_truncated_video_says_how_many_frames_are_missing(tmp_path: Path) -> None:
    whole = video(tmp_path / "clip.avi", 60).read_bytes()
    # The index at the end goes with the second half, the header still says 60.
    (tmp_path / "half.avi").write_bytes(whole[: len(whole) // 2])
    sources = list(Listing((str(tmp_path / "half.avi"),), every=1))
    assert sources[-1].key == "half.avi"
    assert "the header announces 60 frames" in str(sources[-1].problem)
    assert "are missing" in str(sources[-1].problem)
    assert len(sources) > 10


@pytest.mark.parametrize(
    "text",
    [
        "ffconcat version 1.0\nfile ok.avi\n",
        "#EXTM3U\n#EXTINF:1\nhttp://127.0.0.1:9/x.ts\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
    ],
    ids=["ffconcat", "hls", "sdp"],
)
def test_a_playlist_called_mp4_opens_nothing(tmp_path: Path, text: str) -> None:
    video(tmp_path / "ok.avi", 3)
    (tmp_path / "x.mp4").write_text(text)
    with pytest.raises(ImageError, match="no known video container"):
        next(read_frames(tmp_path / "x.mp4", 1))


def test_a_colon_in_a_video_name_is_no_protocol(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video(tmp_path / "clip.avi", 5).rename(tmp_path / "2024-01-01T12:00:00.avi")
    monkeypatch.chdir(tmp_path)
    assert len(list(Listing(("2024-01-01T12:00:00.avi",), every=1))) == 5


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "group4", "jpeg"])
def test_libraries_write_nothing_about_damaged_images(
    face: Image.Image, tmp_path: Path, capfd: pytest.CaptureFixture[str], compression: str
) -> None:
    image = face.convert("1") if compression == "group4" else face
    image.save(tmp_path / "whole.tif", compression=compression)
    whole = (tmp_path / "whole.tif").read_bytes()
    for at in range(8, len(whole), 7):
        (tmp_path / "x.tif").write_bytes(whole[:at] + b"\xff\x5a" + whole[at + 2 :])
        with suppress(ImageError):
            load_rgb(tmp_path / "x.tif")
    assert capfd.readouterr() == ("", "")


READ = """
import sys
from contextlib import suppress
from pathlib import Path
from data.errors import ImageError
from data.images.video import read_frames
whole, file = Path(sys.argv[1]).read_bytes(), Path(sys.argv[2])
for at in range(200, len(whole), 300):
    file.write_bytes(whole[:at] + bytes(range(80)) + whole[at + 80 :])
    with suppress(ImageError):
        list(read_frames(file, 1))
"""


def test_libraries_write_nothing_about_damaged_videos(tmp_path: Path) -> None:
    # In a process of its own: FFmpeg keeps the level of the first use, here of the writer.
    whole = video(tmp_path / "clip.avi", 20)
    done = subprocess.run(
        [sys.executable, "-c", READ, whole, tmp_path / "x.avi"],
        capture_output=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == (b"", b"")


def test_numbers_that_are_none_in_a_float_image_are_no_warning(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    values = np.full((8, 8), 0.5, np.float32)
    values.view(np.uint32)[:2] = 0x7F800001  # a NaN that signals
    values[2:4], values[4:6] = np.inf, -np.inf
    Image.fromarray(values).save(tmp_path / "x.tif")
    assert load_rgb(tmp_path / "x.tif").shape == (8, 8, 3)
    assert [str(one.message) for one in recwarn] == []
