"""Modules that only developers run take bad input as every command does."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.benchmark_data import make_data


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("benchmarks.tools.gates", "nobody", "HERE"), "no weights called"),
        (("benchmarks.tools.gates", "gflmser", "HERE"), "no PNG files"),
        (("benchmarks.tools.artefacts", "bicubic", "HERE"), "no PNG files"),
        (("benchmarks.tools.readme_tables", "HERE/list.csv", "HERE"), "has no block"),
        (("benchmarks.tools.paired_psnr", "a", "b", "--data", "HERE"), "splits/lfw-val.csv"),
        (("gflmser.training.curves", "HERE", "HERE/out.png"), "no curves"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_tools_of_developers_say_in_one_line_what_is_wrong(
    words: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    (tmp_path / "list.csv").write_text("name\n")
    (module, *rest) = [word.replace("HERE", str(tmp_path)) for word in words]
    done = subprocess.run(
        [sys.executable, "-m", module, *rest], capture_output=True, text=True, check=False
    )
    assert done.returncode in (1, 2)
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_paired_psnr_tells_the_difference_of_two_weights(samples: Path, tmp_path: Path) -> None:
    words = ("bicubic", "gflmser-gate", "--data", str(make_data(tmp_path, samples)))
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.tools.paired_psnr", *words, "--split", "lfw-test"],
        capture_output=True,
        text=True,
        check=True,
    )
    whole, close = done.stdout.splitlines()
    for line, crop in ((whole, "1"), (close, "0.55")):
        assert re.match(
            rf"gflmser-gate  crop {crop}  \d+\.\d+ dB -> \d+\.\d+ dB  \+\d\.\d+ \[", line
        )
