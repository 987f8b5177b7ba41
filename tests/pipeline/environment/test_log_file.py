"""`--log-file`: every message of a run with its time, and a word from the first second."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipeline.conftest import Command, Ended

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (INFO|WARNING|ERROR) \S")


@pytest.fixture(autouse=True)
def here(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def degrade(command: Command, folder: Path, samples: Path, *more: str) -> Ended:
    return command("degrade", samples / "obama.jpg", folder / "no.png", "--out", "lr", *more)


def test_every_message_has_its_time(command: Command, tmp_path: Path, samples: Path) -> None:
    done = degrade(command, tmp_path, samples, "--log-file", "logs/run.log", "--quiet")
    assert done.returncode == 1
    assert done.stderr == "", "--quiet"
    lines = (tmp_path / "logs" / "run.log").read_text("utf-8").splitlines()
    assert [line for line in lines if not TIME.match(line)] == []
    text = "\n".join(lines)
    for words in ("degrade", "loading libraries", "image: 2 of 2 done", "exit code 1 after"):
        assert words in text
    assert re.search("WARNING .*no.png: no such file", text)


def test_the_next_run_is_added(command: Command, tmp_path: Path, samples: Path) -> None:
    (tmp_path / "sr-pipeline.toml").write_text('[defaults]\nlog-file = "all.log"\n', "utf-8")
    for _ in range(2):
        degrade(command, tmp_path, samples)
    text = (tmp_path / "all.log").read_text("utf-8")
    assert text.count("exit code") == 2
    assert "lr holds a finished run" in text, "the second run was refused"


@pytest.mark.parametrize("words", [("--log-file",), ("--log-file=", "doctor"), ("--log-file", ".")])
def test_a_log_that_cannot_be_written_is_one_line(
    command: Command, tmp_path: Path, words: tuple[str, ...]
) -> None:
    done = command(*words)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


def test_names_cannot_forge_a_line_of_the_log(command: Command, tmp_path: Path) -> None:
    command("degrade", "a\nexit code 0.png", "--out", "x", "--log-file", "log")
    for line in (tmp_path / "log").read_text("utf-8").splitlines():
        assert TIME.match(line)


def test_the_first_word_comes_before_the_libraries(tmp_path: Path, samples: Path) -> None:
    script = (
        "import sys; from pipeline.environment import messages; said = messages.tell\n"
        "def tell(text, **options): print(text, 'torch' in sys.modules, 'cv2' in sys.modules)\n"
        "messages.tell = tell\n"
        "from pipeline.entry import main; main()"
    )
    words = ["upscale", str(samples / "obama.jpg"), "--out", "sr", "--upscaler", "bicubic"]
    done = subprocess.run(
        [sys.executable, "-c", script, *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.stdout.splitlines()[0] == "loading libraries False False"
