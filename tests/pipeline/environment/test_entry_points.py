"""Entry points are read as `importlib.metadata` reads them, and `--help` does without it."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from pipeline.environment.entry_points import entry_points_of


@pytest.mark.parametrize("group", ["console_scripts", "sr_pipeline.commands", "pytest11", "none"])
def test_they_are_those_of_the_standard_library(group: str) -> None:
    expected = {
        entry.name: entry.value.partition("[")[0] for entry in metadata.entry_points(group=group)
    }
    assert {name: value.strip() for name, value in expected.items()} == entry_points_of(group)


def test_a_file_of_another_package_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "theirs-1.0.dist-info"
    info.mkdir()
    text = "# theirs\n[other]\nx = no:no\n\n[ours.things]\na = one.two:Three [extra]\n;b = no:no\n"
    (info / "entry_points.txt").write_text(text)
    (tmp_path / "broken-1.0.dist-info").mkdir()
    (tmp_path / "broken-1.0.dist-info" / "entry_points.txt").write_bytes(b"\xff\xfe")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "absent"), str(tmp_path)])
    assert entry_points_of("ours.things") == {"a": "one.two:Three"}


def test_help_loads_no_slow_module() -> None:
    code = (
        "import atexit, sys; from pipeline.cli import main; sys.argv = ['sr-pipeline', '--help']\n"
        "slow = {'importlib.metadata', 'email', 'hashlib', 'numpy', 'benchmarks.command'}\n"
        "atexit.register(lambda: print('slow:', slow & set(sys.modules)))\n"
        "main()"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "slow: set()" in run.stdout
    assert "benchmark" in run.stdout
