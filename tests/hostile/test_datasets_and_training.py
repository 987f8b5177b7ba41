"""Dataset folders, caches and trainings: pipes, full disks, read-only folders, signals."""

import errno
import os
import signal
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from data.datasets.base import DatasetError, text_of
from data.datasets.registry import datasets
from data.prepared import DatasetImage, build
from gflmser.schema import ConfigError
from gflmser.training.sampler import CachedFaces
from pipeline.failures import USAGE, exit_code_of
from pipeline.jobs.prepare_dataset import chosen
from tests.hostile.conftest import Command, Run, full_disk
from tests.hostile.test_failures import HEED, SCRIPT

TINY = """
name = "tiny"
seed = 1
[network]
widths = {{ r64 = 4, r32 = 4, r16 = 8, r8 = 8, r4 = 8 }}
groups = 1
blocks = 1
source = "upsampled"
[data]
sources = [{{ path = "{cache}", crop = [0.8, 1.0] }}]
validation = ""
[training]
batch = 2
phases = [{{ name = "restore", length = {steps}, trains = ["l2h"], hr_pixel = 1.0 }}]
"""


def prepared(photos: Path) -> Path:
    """A cache of the three images."""
    paths = sorted(photos.glob("*.png"))
    images = [DatasetImage(path.name, "", path.read_bytes) for path in paths]
    build(images, photos.parent / "cache", name="photos", side=80)
    return photos.parent / "cache"


def config(photos: Path, steps: int = 3) -> Path:
    path = photos.parent / "tiny.toml"
    path.write_text(TINY.format(cache=prepared(photos), steps=steps))
    return path


def odd_files(folder: Path) -> None:
    os.mkfifo(folder / "pipe.png")
    (folder / "device.jpg").symlink_to("/dev/zero")
    (folder / "folder.png").mkdir()


def test_pipes_and_devices_of_a_dataset_are_named_not_waited_for(run: Run, photos: Path) -> None:
    odd_files(photos)
    done = run("datasets", "check", "folder", photos)
    assert done.exit_code == 1
    assert "pipe.png: cannot be read: a pipe, not a regular file" in done.stdout
    assert "device.jpg: cannot be read: a device, not a regular file" in done.stdout
    out = photos.parent / "cache"
    done = run("datasets", "prepare", "folder", photos, "--out", out, "--side", 40, "--quiet")
    assert done.exit_code == 1
    assert "3 images" in done.stdout
    assert {line.split(":")[0].strip() for line in done.stdout.splitlines()[1:]} == {
        *("device.jpg", "folder.png", "pipe.png"),
    }


@pytest.mark.parametrize("name", sorted(datasets()))
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_no_reader_waits_for_a_file_of_its_layout(
    run: Run, tmp_path: Path, name: str, kind: str
) -> None:
    names = (
        *("img_align_celeba/000001.jpg", "identity_CelebA.txt", "train.rec", "train.idx"),
        *("data/aflw.sqlite", "data/flickr/0/a.jpg", "a/b_0001.jpg", "a/b_0001.t7", "a/c.mat"),
        *("DIV2K_train_HR/0001.png", "boxes_416.csv", "WIDER_train/images/x/a.jpg"),
        *("wider_face_split/wider_face_train_bbx_gt.txt", "train/n000002/0001_01.jpg"),
        *("bb_landmark/loose_bb_train.csv", "AFLW2000-3D-Reannotated/image1.jpg"),
        *("AFLW2000-3D-Reannotated/image1.t7", "test.csv", "images/a.jpg"),
    )
    for one in names:
        path = tmp_path / one
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == "pipe":
            os.mkfifo(path)
        else:
            path.symlink_to("/dev/zero")
    done = run("datasets", "check", name, tmp_path, "--json")
    assert done.exit_code == 1, done.exception
    with pytest.raises(DatasetError, match="not a regular file"):
        text_of(tmp_path / "train.idx")


def test_lists_and_caches_that_are_pipes_are_refused(run: Run, photos: Path) -> None:
    pipe = photos.parent / "pipe.csv"
    os.mkfifo(pipe)
    with pytest.raises(DatasetError, match="not a regular file"):
        chosen([], pipe)
    words = ("datasets", "prepare", "folder", photos, "--out", photos.parent / "o", "--list", pipe)
    assert "a pipe, not a regular file" in str(run(*words).exception)
    cache = prepared(photos)
    for name in ("cache.json", "images.npy", "index.csv"):
        (cache / name).rename(cache / "kept")
        os.mkfifo(cache / name)
        with pytest.raises(ConfigError, match=f"{name} is not a regular file"):
            CachedFaces(cache)
        (cache / "kept").replace(cache / name)
    assert len(CachedFaces(cache)) == 3


def test_a_cache_and_its_inputs_are_not_replaced(run: Run, photos: Path) -> None:
    cache = photos.parent / "cache"
    words = ("datasets", "prepare", "folder", photos, "--out", cache, "--side", 40, "--quiet")
    assert run(*words).exit_code == 0
    before = (cache / "index.csv").read_bytes()
    (photos / "b.png").unlink()
    done = run(*words)
    assert isinstance(done.exception, FileExistsError)
    assert "--overwrite" in str(done.exception)
    assert (cache / "index.csv").read_bytes() == before
    assert run(*words, "--overwrite").exit_code == 0
    assert (cache / "index.csv").read_bytes() != before
    done = run(*words, "--overwrite", "--list", cache / "index.csv")
    assert "is an input" in str(done.exception)


@pytest.mark.parametrize("name", ["config.json", "tiny.safetensors", "tiny.json"])
def test_a_training_replaces_no_file_of_others(run: Run, photos: Path, name: str) -> None:
    out = photos.parent / "out"
    out.mkdir()
    (out / name).write_text("mine")
    done = run("train", config(photos), "--out", out, "--quiet")
    assert "is of no training in this folder" in str(done.exception)
    assert {path.name for path in out.iterdir()} == {name}
    assert (out / name).read_text() == "mine"


def test_a_folder_of_a_dataset_or_gallery_that_cannot_be_listed_ends_it(
    run: Run, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (photos / "closed").mkdir()
    listed = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    for words in (
        ("datasets", "check", "folder", photos),
        ("datasets", "prepare", "folder", photos, "--out", photos.parent / "cache"),
        ("identify", photos / "a.png", "--gallery", photos, "--out", photos.parent / "named"),
    ):
        done = run(*words)
        assert "closed: the folder cannot be listed: Permission denied" in str(done.exception)


def assert_one_line(errors: str) -> None:
    *before, line = errors.strip().splitlines()
    assert line.startswith("sr-pipeline: error: ")
    assert before in ([], ["loading libraries"])


def test_prepare_on_a_full_disk_is_one_line_not_a_bus_error(command: Command, photos: Path) -> None:
    cache = photos.parent / "cache"
    words = ("datasets", "prepare", "folder", photos, "--out", cache, "--side", 160, "--quiet")
    with full_disk(100_000):
        done = command(*words)
    assert done.returncode == 2, done.stderr
    assert_one_line(done.stderr)
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("how", ["too little is free", "another process took it"])
def test_the_room_of_a_cache_is_taken_before_it_is_written(
    photos: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    if how == "too little is free":
        monkeypatch.setattr("shutil.disk_usage", lambda _: _Usage)
    else:

        def full(_handle: int, _start: int, _size: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError) as caught:
        prepared(photos)
    assert caught.value.errno == errno.ENOSPC
    assert list((photos.parent / "cache").iterdir()) == []


class _Usage:
    free = 1000


def test_training_on_a_full_disk_is_one_line(command: Command, photos: Path) -> None:
    file = config(photos)
    out = photos.parent / "out"
    with full_disk(20_000):
        done = command("train", file, "--out", out, "--quiet", "--device", "cpu")
    assert done.returncode == 2, done.stderr
    assert_one_line(done.stderr)
    assert not list(out.glob("*.partial"))


@pytest.mark.parametrize("command", ["train", "prepare", "export"])
def test_an_output_that_cannot_be_made_is_one_line(
    run: Run, photos: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    # A file where a folder would have to be: permissions do not stop root, this does.
    wall = photos.parent / "wall"
    wall.write_text("x")
    words: tuple[object, ...] = ("export", "gflmser", "--onnx", wall / "o" / "x.onnx")
    if command == "train":
        words = ("train", config(photos), "--out", wall / "o", "--quiet", "--device", "cpu")
    elif command == "prepare":
        words = ("datasets", "prepare", "folder", photos, "--out", wall / "o")
    done = run(*words)
    assert isinstance(done.exception, Exception)
    assert exit_code_of(done.exception, debug=False) == USAGE
    assert_one_line(done.stderr + capsys.readouterr().err)


def test_export_on_a_full_disk_is_one_line_and_leaves_nothing(
    command: Command, tmp_path: Path
) -> None:
    with full_disk(50_000):
        done = command("export", "gflmser", "--onnx", tmp_path / "x.onnx")
    assert done.returncode == 2, done.stderr
    assert_one_line(done.stderr)
    assert list(tmp_path.iterdir()) == []


def test_export_keeps_a_users_partial_file_and_the_weights(run: Run, tmp_path: Path) -> None:
    from tests.hostile.test_models_are_known import weights

    file = weights(tmp_path, 1)
    (tmp_path / "x.partial").write_text("mine")
    assert run("export", file, "--onnx", tmp_path / "x.onnx").exception is None
    assert (tmp_path / "x.partial").read_text() == "mine"
    before = file.read_bytes()
    assert "the weight file itself" in str(run("export", file, "--onnx", file).exception)
    assert file.read_bytes() == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_signal_ends_a_training_with_checkpoint_and_weights(
    photos: Path, number: signal.Signals
) -> None:
    out = photos.parent / "out"
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", HEED + SCRIPT, "train", str(config(photos, 100_000))),
            *("--out", str(out), "--device", "cpu"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert any("ETA" in line for line in process.stderr)
    process.send_signal(number)
    said, errors = process.communicate()
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert "cut short; --resume goes on" in said
    assert {"checkpoint.pt", "tiny.safetensors"} <= {path.name for path in out.iterdir()}


def test_a_second_signal_ends_a_training_at_once(photos: Path) -> None:
    # The step never ends: only a second signal can end the process.
    hang = (
        "import time\nfrom gflmser.training.loop import Trainer\n"
        "def step(self, *a, **k):\n    print('in a step', flush=True)\n    time.sleep(600)\n"
        "Trainer._one_step = step\n"
    )
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", hang + HEED + SCRIPT, "train", str(config(photos))),
            *("--out", str(photos.parent / "out"), "--device", "cpu", "--quiet"),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "in a step\n"
    process.send_signal(signal.SIGTERM)
    # Linux may give a signal that follows at once to another thread: then only the next one counts.
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=2)
    assert process.returncode == 130


def test_a_cache_follows_the_umask(photos: Path) -> None:
    before = os.umask(0o077)
    try:
        cache = prepared(photos)
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in cache.iterdir()}
    assert modes == {0o600}


def test_the_corners_of_what_is_no_image_are_none(run: Run, photos: Path) -> None:
    (photos / "x.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\nshowpage\n")
    out = photos.parent / "o"
    words = ("prepare", "folder", photos, "--out", out, "--corners", 16, "--side", 16, "--quiet")
    done = run("datasets", *words)
    assert done.exit_code == 1, done.exception
    assert "12 images" in done.stdout
    assert "x.jpg: cannot be read" in done.stdout


def test_an_interrupted_prepare_leaves_nothing_half_made(photos: Path) -> None:
    def interrupted() -> bytes:
        raise KeyboardInterrupt

    images = [
        DatasetImage("a", "", (photos / "a.png").read_bytes),
        DatasetImage("b", "", interrupted),
    ]
    with pytest.raises(KeyboardInterrupt):
        build(images, photos.parent / "cache", name="x", side=40)
    assert list((photos.parent / "cache").iterdir()) == []
