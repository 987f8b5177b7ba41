"""CONTRIBUTING's examples, followed word for word in a temporary package."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import Block, blocks_of, commands_of

ROOT = Path(__file__).resolve().parents[2]
BLOCKS = list(blocks_of(ROOT / "CONTRIBUTING.md"))
CALLS = [words for block in BLOCKS if block.mark == "run" for words in commands_of(block.code)]
SHOWN = {
    "detect": "1.00",
    "compare": "Darkest",
    "upscale": "1 ",
    "datasets": "numbered: 1",
    "evaluate": "with faces",
}
"""What each command prints that only the example can have made."""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package `mine` beside its metadata, as pip would install it."""
    folder = tmp_path_factory.mktemp("contributing")
    (folder / "mine").mkdir()
    (folder / "mine" / "__init__.py").touch()
    info = folder / "mine-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n", "utf-8")
    for block in BLOCKS:
        if block.mark == "entry points":
            (info / "entry_points.txt").write_text(_as_metadata(block), "utf-8")
        elif block.mark.startswith("file "):
            (folder / block.mark.removeprefix("file ")).write_text(block.code, "utf-8")
    shutil.copytree(ROOT / "data" / "samples", folder / "data" / "samples")
    (folder / "numbered").mkdir()
    shutil.copy(folder / "data" / "samples" / "obama.jpg", folder / "numbered" / "1.jpg")
    return folder


def _as_metadata(block: Block) -> str:
    """setup.cfg's way to write entry points as the way of the metadata of a package."""
    lines = [line for line in block.code.splitlines()[1:] if line.strip()]
    heads = [f"[{line.removesuffix(' =')}]" if line.endswith(" =") else line for line in lines]
    return "\n".join(line.strip() for line in heads) + "\n"


def test_the_examples_run_in_their_order(package: Path) -> None:
    (package / "sr-pipeline.toml").write_text("[defaults]\nworkers = 0\n", "utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(package)])}
    assert [words[0] for words in CALLS] == list(SHOWN)
    for words in CALLS:
        code = f"import sys; sys.argv[1:] = {words!r}; from pipeline.entry import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=package,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, (words, done.stderr)
        assert SHOWN[words[0]] in done.stdout, (words, done.stdout)
