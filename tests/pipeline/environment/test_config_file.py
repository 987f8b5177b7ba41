"""Defaults from sr-pipeline.toml, through the command as it is started."""

from pathlib import Path

import pytest
from PIL import Image

from tests.pipeline.conftest import Command


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "in").mkdir()
    Image.new("RGB", (8, 8), "red").save(tmp_path / "in" / "a.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_file_gives_options_and_the_shell_overrides_them(
    command: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = '[defaults]\nquiet = true\n[upscale]\nupscaler = "bicubic"\nout = "made"\n'
    (folder / "sr-pipeline.toml").write_text(text, encoding="utf-8")
    done = command("upscale", "in")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "quiet"
    assert (folder / "made" / "a.png").is_file()
    done = command("upscale", "in", "--out", "other", "--upscaler", "nearest")
    assert done.returncode == 0, done.stderr
    assert '"--upscaler=nearest"' in (folder / "other" / "evidence.json").read_text("utf-8")
    monkeypatch.setenv("SR_PIPELINE_CONFIG", "")
    without = command("upscale", "in")
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
def test_a_mistake_is_one_line(command: Command, folder: Path, text: str, words: str) -> None:
    (folder / "sr-pipeline.toml").write_text(text, encoding="utf-8")
    done = command("upscale", "in", "--out", "made")
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
