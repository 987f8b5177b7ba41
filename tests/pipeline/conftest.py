"""Images and runs that the tests of the application share."""

import logging
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from pipeline.cli import cli, main
from pipeline.environment.messages import OURS


@pytest.fixture(scope="session")
def lr_folder(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine 16x16 faces in folders of their own, made from the samples; three are mirrored."""
    folder = tmp_path_factory.mktemp("lr")
    runner = CliRunner()
    words = ["degrade", str(samples / "faces.csv"), "--out", str(folder / "made"), "--quiet"]
    assert runner.invoke(cli, words).exit_code == 0
    for file in sorted((folder / "made" / "lr").glob("*.png")):
        with Image.open(file) as image:
            (folder / "in" / file.stem).mkdir(parents=True)
            image.save(folder / "in" / file.stem / "plain.png")
            mirrored = Image.fromarray(np.asarray(image)[:, ::-1])
            mirrored.save(folder / "in" / file.stem / "mirrored.png")
    return folder / "in"


Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    """Call `sr-pipeline` with words; the exit code is the command's return value."""

    def call(*words: object, stdin: str | None = None) -> Result:
        from data.errors import SrPipelineError

        result = CliRunner().invoke(
            cli, [str(word) for word in words], input=stdin, standalone_mode=False
        )
        if isinstance(result.exception, SrPipelineError):
            result.exit_code = 2
        elif result.exception is None and isinstance(result.return_value, int):
            result.exit_code = result.return_value
        return result

    return call


@dataclass(frozen=True)
class Ended:
    """What a user sees of a command."""

    returncode: int
    stdout: str
    stderr: str


Command = Callable[..., Ended]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """`sr-pipeline` as the console script calls it, without a process that imports torch again."""

    def call(*words: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["sr-pipeline", *map(str, words)])
        capsys.readouterr()
        with _process_state(), pytest.raises(SystemExit) as ended:
            main()
        assert isinstance(ended.value.code, int)
        return Ended(ended.value.code, *capsys.readouterr())

    return call


@contextmanager
def _process_state() -> Iterator[None]:
    """What a command changes in its process is as before."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handlers = {number: signal.getsignal(number) for number in numbers}
    root, warnings = logging.getLogger(), list(sys.warnoptions)
    listening = list(root.handlers)
    levels = {name: logging.getLogger(name).level for name in OURS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for added in [one for one in root.handlers if one not in listening]:
            root.removeHandler(added)
            added.close()
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        sys.warnoptions[:] = warnings


@contextmanager
def full_disk(limit: int) -> Iterator[None]:
    """Files grow to `limit` bytes inside: what a full disk does to a write, without a disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
