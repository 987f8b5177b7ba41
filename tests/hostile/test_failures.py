"""What cannot be done is one line on stderr and an exit code; signals leave valid output."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import click
import numpy as np
import pytest
from PIL import Image

from data.atomic import write_text
from data.datasets.base import DatasetError
from data.errors import ImageError, ModelError, TruthError, UsageError
from data.images.files import check_made
from data.safe_text import printable
from gflmser.schema import ConfigError
from pipeline.failures import INTERNAL, USAGE, exit_code_of
from pipeline.identity.gallery import Gallery
from tests.hostile.conftest import Run

SCRIPT = "from pipeline.entry import main; main()"
HEED = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "


def started(*words: object, pipe: bool = True) -> "subprocess.Popen[str]":
    stream = subprocess.PIPE if pipe else subprocess.DEVNULL
    return subprocess.Popen(
        [sys.executable, "-c", HEED + SCRIPT, *map(str, words)],
        stdout=stream,
        stderr=stream,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("no\nsuch \x1b[2J thing"), USAGE),
        (ModelError("x"), USAGE),
        (click.UsageError("bad \x1b]0;x\x07 value"), USAGE),
        (PermissionError(13, "Permission denied", "/x\n"), USAGE),
        (OSError(28, "No space left on device", "/x"), USAGE),
        (MemoryError(), USAGE),
        (RecursionError("maximum recursion depth"), INTERNAL),
        (KeyError("a\nb"), INTERNAL),
        (BrokenPipeError(32, "Broken pipe"), USAGE),
    ],
)
def test_an_error_is_one_clean_line(
    error: Exception, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code_of(error, debug=False) == code
    said = capsys.readouterr().err.rstrip("\n")
    assert printable(said) == said
    assert "Traceback" not in said


@pytest.mark.parametrize("kind", [UsageError, ImageError, TruthError, DatasetError, ConfigError])
def test_the_message_of_every_error_is_clean_for_who_catches_it(kind: type[Exception]) -> None:
    message = str(kind("/photos/\x1b]0;owned\x07\n: no folder\udce9"))
    assert printable(message) == message
    assert message.startswith("/photos/\\x1b]0;owned\\x07 : no folder")


def test_the_gallery_that_the_fuzzer_found_is_refused_on_a_clean_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        Gallery.from_folder(tmp_path / "\x1b]0;owned\x07")
    assert printable(str(caught.value)) == str(caught.value)


def test_debug_shows_where_it_happened(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        raise KeyError("x")
    except KeyError as error:
        assert exit_code_of(error, debug=True) == INTERNAL
    assert "test_failures.py" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ("detect", "x", "--out", "o", "--min-score", "nan"),
        ("detect", "x", "--out", "o", "--pad", "nan"),
        ("degrade", "x", "--out", "o", "--crop", "nan"),
        ("degrade", "x", "--out", "o", "--hr", "100000"),
        ("degrade", "x", "--out", "o", "--hr", "8", "--lr", "16"),
        ("degrade", "x", "--out", "o", "--workers", "100000"),
        ("degrade", "x", "--out", "o", "--seed", "-1"),
        ("degrade", "x", "--out", ""),
        ("degrade", "", "--out", "o"),
        ("degrade", "nosuch", "--out", "o"),
        ("degrade", "nosuch/", "nosuch2/", "--out", "o"),
        ("degrade", "x", "--out", "o", "--resume", "--overwrite"),
        ("degrade", "x", "--out", "o", "--quick"),
    ],
)
def test_hostile_options_are_usage_errors_and_write_nothing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(*words)
    assert isinstance(done.exception, UsageError | click.UsageError)
    assert list(tmp_path.iterdir()) == []


def test_evaluate_refuses_a_negative_seed_and_a_device(run: Run, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("image,left,top,right,bottom\na,,,,\n")
    (tmp_path / "t.csv").write_text("image,left,top,right,bottom\na,,,,\n")
    words = ("evaluate", "--predictions", tmp_path / "p.csv", "--truth", tmp_path / "t.csv")
    assert isinstance(run(*words, "--seed", "-1").exception, click.UsageError)
    done = run("evaluate", "--predictions", "/dev/zero", "--truth", tmp_path / "t.csv")
    assert "device" in str(done.exception)


def test_a_name_that_is_no_utf8_ends_well(photos: Path) -> None:
    out = Path(os.fsdecode(os.fsencode(photos.parent) + b"/caf\xe9"))
    ended = started("degrade", photos, "--out", out, "--quiet", "--workers", 0)
    said, errors = ended.communicate()
    assert ended.returncode == 0, errors
    assert json.loads((out / "summary.json").read_text())["images"] == 3
    assert "3 images" in said


def test_what_is_written_follows_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_text(tmp_path / "closed.txt", "x")
        os.umask(0o002)
        write_text(tmp_path / "shared.txt", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "closed.txt").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "shared.txt").stat().st_mode) == 0o664


def test_what_would_come_out_too_large_is_refused() -> None:
    check_made(1000, 1000, 4)
    with pytest.raises(ImageError, match="million"):
        check_made(900_000, 127, 4)


def test_a_long_thin_image_is_an_error_row(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    Image.new("L", (130_000, 127)).save(tmp_path / "in" / "thin.png")
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(tmp_path / "in" / "fine.png")
    words = ("--upscaler", "bicubic", "--quiet", "--workers", 0)
    done = run("upscale", tmp_path / "in", "--out", tmp_path / "out", *words)
    assert done.exit_code == 1
    assert "130000x127 enlarged 4 times" in done.stdout
    assert (tmp_path / "out" / "fine.png").is_file()


def test_a_tensor_name_with_a_huge_number_builds_nothing(tmp_path: Path) -> None:
    import torch

    from pipeline.upscalers.loading import load_upscaler

    tensors = {"model.1.sub.50000000.RDB1.conv1.0.weight": torch.zeros(32, 64, 3, 3)}
    torch.save(tensors | {"model.0.weight": torch.zeros(64, 3, 3, 3)}, tmp_path / "x.pth")
    with pytest.raises(ModelError, match="50000000 layers"):
        load_upscaler(str(tmp_path / "x.pth"))


def test_a_foreign_detector_in_the_cache_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, samples: Path
) -> None:
    import dlib

    from pipeline.environment.dlib_models import frontal_face_detector

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cached = tmp_path / "sr-pipeline" / f"frontal_face_detector-{dlib.__version__}.svm"
    cached.parent.mkdir()
    cached.write_bytes(b"a detector of somebody else")
    with Image.open(samples / "obama.jpg") as opened:
        rgb = np.asarray(opened.convert("RGB"))
    assert len(frontal_face_detector()(rgb)) == 1
    whole = cached.read_bytes()
    assert len(whole) > 100_000
    cached.unlink()
    os.mkfifo(cached)
    assert len(frontal_face_detector()(rgb)) == 1


def test_a_checkpoint_with_code_is_refused_without_torchs_advice(tmp_path: Path) -> None:
    import pickle

    import torch

    from gflmser.schema import ConfigError
    from gflmser.training.checkpoints import load_checkpoint

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {tmp_path / 'ran'}",)

    torch.save({"step": Evil()}, tmp_path / "checkpoint.pt", pickle_module=pickle)
    with pytest.raises(ConfigError, match="more than tensors") as caught:
        load_checkpoint(tmp_path / "checkpoint.pt")
    assert "weights_only" not in str(caught.value)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("number", "workers"), [(signal.SIGINT, 1), (signal.SIGTERM, 0)], ids=["Ctrl-C", "SIGTERM"]
)
def test_a_signal_leaves_valid_output_that_says_so(
    face: Image.Image, run: Run, tmp_path: Path, number: signal.Signals, workers: int
) -> None:
    (tmp_path / "in").mkdir()
    for index in range(400):
        face.save(tmp_path / "in" / f"{index:03d}.png")
    words = ("degrade", tmp_path / "in", "--out", tmp_path / "out", "--workers", workers, "--quiet")
    process = started(*words)
    log = tmp_path / "out" / "lr"
    while len(list(log.glob("0*.png"))) < 20 and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(number)
    said, errors = process.communicate()
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert "leaked" not in errors
    assert said.rstrip().endswith("--resume goes on")
    assert "INTERRUPTED" in said and "of 400" in said
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["interrupted"] is True
    assert run(*words, "--resume").exit_code == 0
    assert len(list(log.glob("*.png"))) == 400


def test_a_second_signal_ends_at_once() -> None:
    script = (
        "import time\nfrom pipeline.environment.signals import heed_signals\nheed_signals()\n"
        "try:\n    print('ready', flush=True)\n    time.sleep(60)\n"
        "except KeyboardInterrupt:\n    print('first', flush=True)\n    time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", HEED + script], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == "first\n"
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130
