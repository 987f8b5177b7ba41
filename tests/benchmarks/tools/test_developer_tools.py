"""Modules that only developers run take bad input as every command does."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.tools.native_restored import sheet_of
from data.images.rgb import RGB
from tests.benchmarks.benchmark_data import make_data


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("benchmarks.tools.gates", "nobody", "HERE"), "no weights called"),
        (("benchmarks.tools.gates", "gflmser", "HERE"), "no PNG files"),
        (("benchmarks.tools.artefacts", "bicubic", "HERE"), "no PNG files"),
        (("benchmarks.tools.readme_tables", "HERE/list.csv", "HERE"), "has no block"),
        (("benchmarks.tools.paired_psnr", "a", "b", "--data", "HERE"), "splits/lfw-val.csv"),
        (("benchmarks.tools.native_restored", "HERE", "HERE/out.webp"), "holds no faces"),
        (("gflmser.training.curves", "HERE", "HERE/out.png"), "no curves"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_tools_of_developers_say_in_one_line_what_is_wrong(
    words: tuple[str, ...],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "list.csv").write_text("name\n")
    (module, *rest) = [word.replace("HERE", str(tmp_path)) for word in words]
    monkeypatch.setattr(sys, "argv", [module, *rest])
    monkeypatch.delitem(sys.modules, module, raising=False)
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(module, run_name="__main__")  # as `python -m`, in this process
    assert ended.value.code in (1, 2)
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said


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


def test_the_readme_image_shows_each_face_native_and_restored() -> None:
    rng = np.random.default_rng(0)
    native = rng.integers(0, 256, (16, 16, 3), np.uint8)
    restored = rng.integers(0, 256, (64, 64, 3), np.uint8)
    sheet = np.array(sheet_of([(native, restored)]))
    assert np.array_equal(sheet[8:256:16, 8:256:16], native)
    assert np.array_equal(sheet[:256, -256:], np.array(_enlarged(restored)))


def _enlarged(rgb: RGB) -> Image.Image:
    return Image.fromarray(rgb).resize((256, 256), Image.Resampling.BICUBIC)
