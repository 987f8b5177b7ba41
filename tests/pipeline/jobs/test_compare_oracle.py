"""Oracles: `compare` shows them the ground truth and says so; nothing else loads them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from data.errors import ModelError
from data.images.files import load_rgb
from gflmser.config import NetworkConfig, Widths
from gflmser.load import card_of
from gflmser.network import GFLmser
from gflmser.restore import load_restorer
from gflmser.weights import save_weights
from pipeline.upscalers.base import restore
from pipeline.upscalers.loading import load_upscaler
from tests.pipeline.conftest import Run

TINY = NetworkConfig(
    Widths(r64=4, r32=4, r16=4, r8=4, r4=4), groups=1, blocks=1, source="hr", gate="add"
)


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(3)
    folder = tmp_path_factory.mktemp("weights")
    return save_weights(GFLmser(TINY), card_of("tiny-oracle", TINY), folder)


def test_compare_restores_with_the_truth_in_view(
    run: Run, samples: Path, oracle: Path, tmp_path: Path
) -> None:
    done = run(
        *("compare", samples / "obama.jpg", "--out", tmp_path, "--quiet", "--json"),
        *("--upscalers", f"bicubic,{oracle}"),
    )
    assert done.exit_code == 0, done.exception
    rows = {row["method"]: row for row in json.loads(done.stdout)["rows"]}
    assert {name: row["oracle"] for name, row in rows.items()} == {
        "bicubic": False,
        "tiny-oracle": True,
    }
    table = pd.read_parquet(tmp_path / "rows.parquet").set_index("method")
    assert table["oracle"].to_dict() == {"hr": False, "bicubic": False, "tiny-oracle": True}
    lr, hr, sr = (
        load_rgb(tmp_path / "pictures" / kind / "obama.png") for kind in ("lr", "hr", "tiny-oracle")
    )
    assert np.array_equal(sr, load_restorer(oracle)(lr[None], hr[None])[0])
    assert not np.array_equal(sr, load_restorer(oracle)(lr[None], hr[None, ::-1])[0])


def test_the_result_does_not_depend_on_the_neighbours(oracle: Path) -> None:
    draw = np.random.default_rng(0)
    lr = [draw.integers(0, 256, (size, 16, 3), dtype=np.uint8) for size in (16, 24, 16)]
    hr = [draw.integers(0, 256, (4 * p.shape[0], 64, 3), dtype=np.uint8) for p in lr]
    seeing = load_upscaler(oracle, device="cpu", allow_oracle=True)
    together = restore(seeing, lr, hr)
    for i in range(3):
        assert together[i].shape == hr[i].shape
        assert np.array_equal(together[i], restore(seeing, [lr[i]], [hr[i]])[0])
    with pytest.raises(ModelError, match="without the ground truth"):
        seeing(lr)


@pytest.mark.parametrize("command", ["detect", "upscale"])
def test_no_other_command_takes_an_oracle(
    run: Run, samples: Path, oracle: Path, tmp_path: Path, command: str
) -> None:
    done = run(command, samples / "obama.jpg", "--out", tmp_path, "--upscaler", oracle, "--quiet")
    assert done.exit_code == 2
    assert isinstance(done.exception, ModelError)
    assert "oracle" in str(done.exception)
