"""The tables of the paper: made twice, with one weight changed, with data missing."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from scipy import stats

import benchmarks.measured as measured
from benchmarks.bench import Bench
from benchmarks.cache import Cache
from benchmarks.entrants import find_entrants
from benchmarks.measured import frame, measure_with_features, with_a_face_on_hr
from benchmarks.picture_sets import lfw_test, table4_faces
from benchmarks.protocols import PAIRED, TABLE4
from benchmarks.run import Done, benchmark
from benchmarks.tables.table2 import draws
from pipeline.cli import cli
from pipeline.detect import load_detector
from pipeline.engine import RunResult
from pipeline.images import load_rgb
from pipeline.metrics import psnr_y
from tests.benchmarks.benchmark_data import make_data, make_weights

SUFFIXES = ("csv", "md", "tex", "json")


@pytest.fixture(scope="module")
def tree(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("benchmark")
    make_data(folder / "data", samples)
    make_weights(folder / "weights", "gflmser-a", 1)
    make_weights(folder / "weights", "gflmser-b", 2, gate="add", steps=50)
    return folder


def bench_of(tree: Path, *names: str, cache: str = "cache", subset: int | None = None) -> Bench:
    return Bench(
        tree / "data",
        Cache(tree / cache),
        find_entrants([n if n == "bicubic" else str(tree / "weights" / n) for n in names]),
        "sr-pipeline benchmark",
        subset,
        workers=1,
        quiet=True,
    )


A, B = "gflmser-a.safetensors", "gflmser-b.safetensors"


@pytest.fixture(scope="module")
def made(tree: Path) -> tuple[Bench, Done]:
    """Tables 1 to 3 of bicubic and two variants."""
    bench = bench_of(tree, "bicubic", A, B)
    done = Done()
    for name in ("table1", "table2", "table3"):
        part = benchmark(name, bench, tree / "out")
        done.sheets.extend(part.sheets)
        done.missing.extend(part.missing)
    return bench, done


def test_every_table_is_written_in_four_formats(tree: Path, made: tuple[Bench, Done]) -> None:
    assert made[1].missing == ["table3: " + line for line in made[1].sheets[2].missing]
    for sheet in made[1].sheets:
        texts = {s: (tree / "out" / f"{sheet.name}.{s}").read_text() for s in SUFFIXES}
        for text in texts.values():
            assert "sr-pipeline benchmark" in text and '"gflmser-a"' in text
        table = pd.read_csv(io.StringIO(texts["csv"]), comment="#")
        assert len(table) == len(sheet.frame()) == sum(len(s.rows) for s in sheet.sections)
        content = json.loads(texts["json"])
        assert [s["title"] for s in content["sections"]] == [s.title for s in sheet.sections]
        assert texts["tex"].count("\\begin{table}") == len(sheet.sections)


def test_table1_agrees_with_its_rows(made: tuple[Bench, Done]) -> None:
    bench, done = made
    rows, features = measure_with_features(bench, PAIRED, lfw_test(bench.data))
    truth = features["hr"]
    table = frame(rows).groupby("method")
    paired, real, crowd = done.sheets[0].sections
    for row in paired.rows:
        values = table.get_group(row["method"])
        assert row["psnr_rgb"] == pytest.approx(values["psnr_rgb"].mean())
        assert row["lr_consistency"] == pytest.approx(values["lr_consistency"].mean())
        other = _frechet(features[row["method"]], truth)
        assert row["fd_dlib"] == pytest.approx(other, rel=1e-3)
        assert row["fd_dlib_lo"] <= row["fd_dlib_hi"]
    by_method = {row["method"]: row for row in paired.rows}
    assert by_method["bicubic"]["published_psnr"] == 22.10
    assert by_method["gflmser-b"]["published_fid"] == 33.19
    cost = {name: (row.get("images_seen"), row.get("minutes")) for name, row in by_method.items()}
    assert cost.pop("gflmser-b") == (200, 1.5)
    assert set(cost.values()) == {(None, None)}
    assert [row["n_images"] for row in real.rows] == [6, 6, 6]
    assert [row["n_images"] for row in crowd.rows] == [4, 4, 4]


def _frechet(a: np.ndarray, b: np.ndarray) -> float:
    """By the matrix root, which the product does not use."""
    from scipy.linalg import sqrtm

    first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    noise = 1e-9 * np.eye(len(first))
    root = sqrtm((first + noise) @ (second + noise)).real
    return float(
        np.square(a.mean(0) - b.mean(0)).sum()
        + np.trace(first)
        + np.trace(second)
        - 2 * np.trace(root)
    )


def test_table2_agrees_with_scipy(made: tuple[Bench, Done]) -> None:
    bench, done = made
    table = frame(measure_with_features(bench, PAIRED, lfw_test(bench.data))[0])
    wide = table.pivot(index="image", columns="method", values="psnr_y")
    (section,) = done.sheets[1].sections
    whole = next(r for r in section.rows if r["sample"] == "whole set" and r["figure"] == "PSNR Y")
    a, b = wide["gflmser-a"].to_numpy(), wide["gflmser-b"].to_numpy()
    assert whole["variance_a"] == pytest.approx(np.var(a, ddof=1))
    assert whole["t_p"] == pytest.approx(stats.ttest_ind(a, b, equal_var=False).pvalue)
    assert whole["rank_sum_p"] == pytest.approx(stats.ranksums(a, b).pvalue)
    assert whole["t_paired_p"] == pytest.approx(stats.ttest_rel(a, b).pvalue)
    assert whole["signed_rank_p"] == pytest.approx(stats.wilcoxon(a, b).pvalue)
    union = next(r for r in section.rows if str(r["sample"]).startswith("30 draws"))
    assert union["n_values"] == 30 * (len(a) // 2)


def test_draws_are_thirty_without_replacement() -> None:
    drawn = draws(50, 20, seed=3).reshape(30, 20)
    assert all(len(set(row)) == 20 for row in drawn)
    assert not np.array_equal(drawn[0], drawn[1])
    assert np.array_equal(drawn.ravel(), draws(50, 20, seed=3))


def test_table3_agrees_with_pillow(tree: Path, made: tuple[Bench, Done]) -> None:
    whole = made[1].sheets[2].sections[0]
    expected = []
    for path in sorted((tree / "data" / "bsds100").iterdir()):
        hr = load_rgb(path)[:132, :200]
        image = Image.fromarray(hr)
        small = image.resize((50, 33), Image.Resampling.BICUBIC)
        sr = np.asarray(small.resize((200, 132), Image.Resampling.BICUBIC))
        expected.append(psnr_y(sr, hr))
    bicubic = next(row for row in whole.rows if row["method"] == "bicubic")
    assert bicubic["psnr_y"] == pytest.approx(np.mean(expected))
    assert (bicubic["published_psnr"], bicubic["published_div2k"]) == (24.30, 25.96)


def test_a_second_run_computes_nothing_and_gives_the_same_files(
    tree: Path, made: tuple[Bench, Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measured, "run", _never)
    again = bench_of(tree, "bicubic", A, B)
    for name in ("table1", "table2", "table3"):
        benchmark(name, again, tree / "again")
        for suffix in SUFFIXES:
            first, second = (tree / folder / f"{name}.{suffix}" for folder in ("out", "again"))
            assert first.read_bytes() == second.read_bytes()
    assert again.cache.computed == 0
    assert again.cache.reused > 0


def _never(*_: object) -> RunResult:
    raise AssertionError("computed again")


def test_a_changed_weight_recomputes_its_own_rows(
    tree: Path, made: tuple[Bench, Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = tree / "changed"
    shutil.copytree(tree / "weights", changed / "weights")
    (changed / "data").symlink_to(tree / "data")
    shutil.copytree(tree / "cache", changed / "cache")
    make_weights(changed / "weights", "gflmser-b", 77, gate="add")
    asked = []
    real_run = measured.run

    def watched(job: object, *rest: object) -> RunResult:
        asked.append([method.name for method in job.methods])
        return real_run(job, *rest)

    monkeypatch.setattr(measured, "run", watched)
    old, new = made[0], bench_of(changed, "bicubic", A, B)
    pictures = lfw_test(new.data)
    before, after = (
        frame(measure_with_features(bench, PAIRED, pictures)[0]) for bench in (old, new)
    )
    assert asked == [["gflmser-b"]]
    assert before[before.method != "gflmser-b"].equals(after[after.method != "gflmser-b"])
    assert not before[before.method == "gflmser-b"].equals(after[after.method == "gflmser-b"])


def test_a_damaged_result_is_computed_again(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    assert cache.json({"a": 1}, lambda: [1.5]) == [1.5]
    (path,) = tmp_path.rglob("*.json")
    path.write_text('{"half')
    assert cache.json({"a": 1}, lambda: [2.5]) == [2.5]
    assert cache.json({"a": 1}, lambda: [3.5]) == [2.5]
    assert cache.json({"a": 2}, lambda: [3.5]) == [3.5]
    assert (cache.computed, cache.reused) == (3, 1)


def test_the_paper_profile_draws_until_enough_show_a_face(tree: Path) -> None:
    bench = bench_of(tree, "bicubic")
    paper = TABLE4[1]
    assert paper.crop == 0.55
    candidates = table4_faces(bench.data, 0)
    assert sorted(p.identity for p in candidates.pictures) == sorted(
        {p.identity for p in lfw_test(bench.data).pictures}
    )
    hog, found = load_detector("hog"), []
    for picture in candidates.pictures:
        with Image.open(io.BytesIO(picture.read())) as whole:
            side = round(0.55 * 250)
            at = (250 - side) // 2
            part = whole.convert("RGB").crop((at, at, at + side, at + side))
        if hog(np.array(part.resize((64, 64), Image.Resampling.BICUBIC)), 1):
            found.append(picture.key)
    chosen, tried = with_a_face_on_hr(bench, paper, candidates, 1)
    assert [p.key for p in chosen.pictures] == found[:1]
    assert tried == [p.key for p in candidates.pictures].index(found[0]) + 1
    assert len(with_a_face_on_hr(bench, paper, candidates, 50)[0].pictures) == len(found)


Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    def call(*words: object) -> Result:
        found = CliRunner().invoke(cli, [str(word) for word in words], standalone_mode=False)
        if found.exception is None and isinstance(found.return_value, int):
            found.exit_code = found.return_value
        return found

    return call


@pytest.mark.parametrize("name", ["table1", "table2", "table3", "table4", "figures", "speed"])
def test_a_table_without_its_data_is_told_and_ends_with_1(
    run: Run, tmp_path: Path, name: str
) -> None:
    words = ("--data", tmp_path, "--out", tmp_path / "out", "--cache", tmp_path / "cache")
    done = run("benchmark", name, *words, "--upscalers", "bicubic", "--quiet")
    assert done.exception is None
    assert done.exit_code == 1
    assert f"missing: {'figure' if name == 'figures' else name}" in done.stderr
    assert "needs" in done.stderr
    assert not (tmp_path / "out").exists()


def test_the_command_prints_the_table_as_json(run: Run, tree: Path, tmp_path: Path) -> None:
    words = ("--data", tree / "data", "--out", tmp_path, "--cache", tree / "cache", "--quiet")
    done = run("benchmark", "table3", *words, "--upscalers", "bicubic,nearest", "--json")
    assert done.exception is None
    assert done.exit_code == 1  # no set5, no set14
    sections = json.loads(done.stdout)["tables"]["table3"]["sections"]
    assert [row["method"] for row in sections[0]["rows"]] == ["bicubic", "nearest"]
