"""The table of degraded sets: paired gains over bicubic on the splits that are there."""

from pathlib import Path

import pytest

from benchmarks.context import Bench
from benchmarks.image_sets import MissingDataError
from benchmarks.methods import find_entrants
from benchmarks.result_cache import Cache
from benchmarks.tables.degraded import degraded
from gflmser.camera.sets import SETS
from tests.benchmarks.benchmark_data import make_data


@pytest.fixture
def bench(samples: Path, tmp_path: Path) -> Bench:
    make_data(tmp_path / "data", samples)
    images = sorted((tmp_path / "data" / "lfw").rglob("*.*"))[:2]
    names = [path.relative_to(tmp_path / "data" / "lfw").as_posix() for path in images]
    splits = tmp_path / "data" / "splits"
    splits.mkdir(exist_ok=True)
    (splits / "lfw-val.csv").write_text("image\n" + "\n".join(names) + "\n")
    entrants = find_entrants(["bicubic", "nearest"])
    return Bench(tmp_path / "data", Cache(tmp_path / "cache"), entrants, "", workers=0, quiet=True)


def test_gains_are_differences_from_bicubic(bench: Bench) -> None:
    sheet = degraded(bench)
    gains, psnr = sheet.sections[:2]
    assert gains.title.startswith("lfw-val, 2 images")
    assert [row["method"] for row in gains.rows] == ["nearest"]
    by_method = {row["method"]: row for row in psnr.rows}
    for name in SETS:
        difference = by_method["nearest"][f"psnr_{name}"] - by_method["bicubic"][f"psnr_{name}"]
        assert gains.rows[0][f"gain_{name}"] == pytest.approx(difference)
    assert gains.rows[0]["gain_clean"] < 0
    computed = bench.cache.computed
    assert degraded(bench).content() == sheet.content()
    assert bench.cache.computed == computed


def test_without_either_split_the_table_is_missing(bench: Bench) -> None:
    for file in (bench.data / "splits").glob("lfw-*.csv"):
        file.unlink()
    with pytest.raises(MissingDataError, match="needs"):
        degraded(bench)
