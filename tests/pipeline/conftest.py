"""Images and runs that the tests of the application share."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from pipeline.cli import cli


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
