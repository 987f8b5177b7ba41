"""Defaults from sr-pipeline.toml, through the command as it is started."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[3]


def start(folder: Path, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    code = "from pipeline.entry import main; main()"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    Image.new("RGB", (8, 8), "red").save(tmp_path / "in" / "a.png")
    return tmp_path


def test_the_file_gives_options_and_the_shell_overrides_them(folder: Path) -> None:
    text = '[defaults]\nquiet = true\n[upscale]\nupscaler = "bicubic"\nout = "made"\n'
    (folder / "sr-pipeline.toml").write_text(text, encoding="utf-8")
    done = start(folder, "upscale", "in")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "quiet"
    assert (folder / "made" / "a.png").is_file()
    done = start(folder, "upscale", "in", "--out", "other", "--upscaler", "nearest")
    assert done.returncode == 0, done.stderr
    assert '"--upscaler=nearest"' in (folder / "other" / "evidence.json").read_text("utf-8")
    without = start(folder, "upscale", "in", SR_PIPELINE_CONFIG="")
    assert without.returncode == 2
    assert "--out" in without.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[upscale]\nupscalr = 'bicubic'\n", "did you mean 'upscaler'"),
        ("[upscal]\n", "did you mean [upscale]"),
        ("upscaler = 'bicubic'\n", "outside a section"),
        ("[upscale\n", "cannot be read"),
    ],
)
def test_a_mistake_is_one_line(folder: Path, text: str, words: str) -> None:
    (folder / "sr-pipeline.toml").write_text(text, encoding="utf-8")
    done = start(folder, "upscale", "in", "--out", "made")
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
