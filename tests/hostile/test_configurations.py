"""Values of a training configuration and of options that no code after them could bear."""

from pathlib import Path

import click
import pytest

from data.safe_text import printable
from gflmser.config import Config
from gflmser.schema import ConfigError, load
from tests.hostile.conftest import Run

LINES = (
    *("a = " + "[" * 5000, "seed = -1", "seed = 10000000000000000000000", f"seed = {'9' * 5000}"),
    *("name = 5", 'name = ""', "[training.h2l]\nrate = -1.0", "[training.h2l]\nrate = nan"),
    *("[training.l2h]\nrate = inf", "[training]\nbatch = 100000000", "[training]\nbatch = 0"),
    *("[training]\nclip = nan", "[training]\nema = 2.0", "[training]\nema = nan"),
    *("[network.widths]\nr64 = 0", "[network.widths]\nr64 = -8", "[network.widths]\nr8 = 10000000"),
    *("[network]\nblocks = 1000000000", "[network]\ngroups = -1", "[data]\ncamera = nan"),
    '[[data.sources]]\npath = "x"\nweight = nan',
    '[[data.sources]]\npath = "x"\nweight = -1.0',
    '[[data.sources]]\npath = "x"\ncrop = [2.0, -1.0]',
    '[[training.phases]]\nname = "a"\nlength = 1\ntrains = ["l2h"]\nlr_pixel = nan',
    '[[training.phases]]\nname = "a"\nlength = -1\ntrains = ["l2h"]',
)


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[:24].replace("\n", " "))
def test_a_value_that_training_cannot_bear_is_one_line(run: Run, tmp_path: Path, line: str) -> None:
    (tmp_path / "x.toml").write_text(line + "\n")
    with pytest.raises(ConfigError) as caught:
        load(Config, tmp_path / "x.toml", [])
    assert printable(str(caught.value)) == str(caught.value)
    done = run("train", tmp_path / "x.toml", "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("train", "x.toml", "--out", "o", "--max-minutes", "-3"),
        ("train", "x.toml", "--out", "o", "--max-minutes", "nan"),
        ("train", "x.toml", "--out", "o", "--max-steps", "-1"),
        ("datasets", "prepare", "folder", ".", "--out", "o", "--seed", "-1"),
        ("datasets", "prepare", "folder", ".", "--out", "o", "--side", "100000"),
        ("detect", ".", "--out", "o", "--min-face", "nan"),
        ("detect", ".", "--out", "o", "--batch-size", "100000000"),
        ("identify", ".", "--out", "o", "--gallery", ".", "--fpir", "nan"),
        ("compare", ".", "--out", "o", "--seed", "10000000000000000000000"),
        ("export", "gflmser", "--onnx", ""),
    ],
    ids=" ".join,
)
def test_seeds_rates_and_sizes_out_of_range_are_usage_errors(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.toml").write_text("")
    assert isinstance(run(*words).exception, click.UsageError)
    assert [path.name for path in tmp_path.iterdir()] == ["x.toml"]
