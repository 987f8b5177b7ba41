"""The tables of the paper: made twice, with one weight changed, with data missing."""

import io
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from scipy import stats

import benchmarks.measuring.compare_rows as measured
import benchmarks.result_cache as cache_module
from benchmarks import published
from benchmarks.context import Bench
from benchmarks.image_sets import ImageSet, lfw_test, real_faces, table4_faces
from benchmarks.measuring import identity
from benchmarks.measuring.compare_rows import frame, measure_with_features, with_a_face_on_hr
from benchmarks.methods import find_entrants
from benchmarks.protocols import PAIRED, TABLE4
from benchmarks.result_cache import Cache
from benchmarks.run import Done, benchmark
from benchmarks.tables.table2 import draws, table2
from data.boxes import Box
from data.errors import UsageError
from data.images.files import load_rgb
from data.prepared import DatasetImage
from pipeline.cli import cli
from pipeline.detection.registry import load_detector
from pipeline.engine.run import RunResult
from pipeline.environment.provenance import library_versions
from pipeline.metrics.image_quality import psnr_y
from pipeline.metrics.intervals import centred
from pipeline.metrics.set_distance import kernel_distance, kernel_resamples
from tests.benchmarks.benchmark_data import make_data, make_weights

SUFFIXES = ("csv", "md", "tex", "json")


@pytest.fixture(scope="module")
def tree(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("benchmark")
    make_data(folder / "data", samples)
    make_weights(folder / "weights", "gflmser-a", 1, steps=50, cpu_seconds=150.0)
    make_weights(folder / "weights", "gflmser-b", 2, gate="add", steps=50)
    return folder


def bench_of(tree: Path, *names: str, cache: str = "cache", subset: int | None = None) -> Bench:
    return Bench(
        tree / "data",
        Cache(tree / cache),
        find_entrants([n if n == "bicubic" else str(tree / "weights" / n) for n in names]),
        "sr-pipeline benchmark",
        subset,
        workers=0,
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
    assert made[1].missing == []  # set5 and set14 are no tables of the paper
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
        for name in ("fd_dlib", "kd_dlib"):
            assert row[f"{name}_lo"] <= row[name] <= row[f"{name}_hi"]
    by_method = {row["method"]: row for row in paired.rows}
    assert by_method["bicubic"]["published_psnr"] == 22.10
    assert by_method["gflmser-b"]["published_fid"] == 33.19
    names = ("images_seen", "minutes", "cpu_minutes")
    cost = {method: [row.get(name) for name in names] for method, row in by_method.items()}
    assert cost == {
        "bicubic": [None, None, None],
        "gflmser-a": [200, 1.5, 2.5],
        "gflmser-b": [200, 1.5, None],  # trained before anybody counted
    }
    assert "CPU min." in done.sheets[0].markdown()
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
    assert whole["difference"] == pytest.approx(np.mean(a - b))
    assert whole["difference_lo"] <= whole["difference"] <= whole["difference_hi"]
    resampled = stats.bootstrap((a - b,), np.mean, method="percentile", rng=1).confidence_interval
    width = whole["difference_hi"] - whole["difference_lo"]
    assert whole["difference_lo"] == pytest.approx(resampled.low, abs=0.1 * width)
    assert whole["difference_hi"] == pytest.approx(resampled.high, abs=0.1 * width)
    assert {(r["published_t"], r["published_p"]) for r in section.rows} == {(2.77, 0.0057)}
    union = next(r for r in section.rows if str(r["sample"]).startswith("union of 30 draws"))
    assert "difference_lo" not in union
    assert len(a) // 2 <= union["n_values"] <= len(a)


def test_table2_has_no_published_figure_where_one_was_trained_longer(
    made: tuple[Bench, Done],
) -> None:
    bench, _ = made
    longer, *others = reversed(bench.entrants)
    longer = replace(longer, budget={**longer.budget, "images_seen": 400})
    (section,) = table2(replace(bench, entrants=(*others, longer))).sections
    assert section.rows
    assert not any("published_t" in row for row in section.rows)


def test_the_union_of_draws_is_a_set_of_the_papers_size() -> None:
    drawn = draws(7144, 1000, seed=3)
    assert len(set(drawn.tolist())) == len(drawn)
    assert len(drawn) == pytest.approx(7144 * (1 - (1 - 1000 / 7144) ** 30), abs=30)  # 7067
    assert np.array_equal(drawn, draws(7144, 1000, seed=3))


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


def test_published_figures_stand_beside_what_was_trained_alike() -> None:
    assert published.table3("full", "faces") == {"published_psnr": 24.49}
    assert published.table3("full", "general") == {"published_div2k": 26.40}
    assert published.table3("full", "both") == published.table3("full", "not said") == {}
    assert published.table3("srgan", "faces") == {"published_psnr": 12.19}
    assert published.table2("no gating", "full") == {"published_t": -2.77, "published_p": 0.0057}
    assert published.table2("full", "full") == published.table2("full", "no skip") == {}
    assert published.table1("full", "faces") == {"published_psnr": 26.87, "published_fid": 33.52}
    assert published.table1("full", "general") == published.table4("full", "general") == {}
    srresnet, srgan = find_entrants(["srresnet", "srgan"])
    assert (srresnet.family, srgan.family) == ("", "srgan")  # the paper has no SRResNet


def test_a_second_run_computes_nothing_and_gives_the_same_files(
    tree: Path, made: tuple[Bench, Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measured, "run", _never)
    monkeypatch.setattr(identity, "_row", _never)
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
    images = lfw_test(new.data)
    before, after = (frame(measure_with_features(bench, PAIRED, images)[0]) for bench in (old, new))
    assert asked == [["gflmser-b"]]
    assert before[before.method != "gflmser-b"].equals(after[after.method != "gflmser-b"])
    assert not before[before.method == "gflmser-b"].equals(after[after.method == "gflmser-b"])


def test_a_set_is_known_by_the_bytes_of_its_scenes_and_annotations(
    samples: Path, tmp_path: Path
) -> None:
    data = make_data(tmp_path / "data", samples)
    before = {one.name: one.digest for one in real_faces(data)}
    face, scene = data / "wider_lr16/lr16/00000.png", data / "crowd_voc/images/crowd.png"
    face.write_bytes((data / "wider_lr16/lr16/00001.png").read_bytes())
    content = scene.read_bytes()
    scene.write_bytes(content[:-20] + bytes([content[-20] ^ 1]) + content[-19:])
    after = {one.name: one.digest for one in real_faces(data)}
    assert scene.stat().st_size == len(content)
    assert before.keys() == after.keys() == {"wider_lr16", "crowd_voc"}
    assert not set(before.values()) & set(after.values())
    one = DatasetImage("a.png", "a", scene.read_bytes, Box(0, 0, 9, 9))
    moved_face = replace(one, box=Box(1, 0, 10, 9))
    assert ImageSet("few", (one,)).digest != ImageSet("few", (moved_face,)).digest


def test_results_of_other_libraries_are_not_reused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert {"scikit-image", "torch-fidelity"} <= library_versions().keys()
    Cache(tmp_path).put({"a": 1}, 1)
    monkeypatch.setattr(cache_module, "library_versions", lambda: {"torch": "another"})
    assert Cache(tmp_path).find({"a": 1}) is None


def test_two_files_with_one_name_are_refused(tree: Path, tmp_path: Path) -> None:
    first = str(tree / "weights" / A)
    second = str(make_weights(tmp_path, "gflmser-a", 9))
    with pytest.raises(UsageError, match="two methods are called 'gflmser-a'") as raised:
        find_entrants(["bicubic", first, second])
    assert first in str(raised.value) and second in str(raised.value)
    assert len(find_entrants([first, first])) == 1


def test_a_moved_interval_holds_its_value() -> None:
    ends = centred(1.0, np.array([3.0, 4.0, 5.0]))
    assert (ends.lo, ends.hi) == pytest.approx((0.05, 1.95))
    ends = centred(1.0, np.array([0.0] * 99 + [1000.0]))  # the mean lies above both ends
    assert ends.lo < 1.0 == ends.hi


def test_intervals_of_distances_cover_the_distance_of_the_population() -> None:
    """A kernel distance has no bias: of 40 samples nearly all must hold that of a large one."""
    rng = np.random.default_rng(5)
    reference = rng.normal(0.4, 1, (400, 6))
    truth, _ = kernel_distance(rng.normal(size=(4000, 6)), reference)
    inside = 0
    for _ in range(40):
        features = rng.normal(size=(60, 6))
        counts = rng.multinomial(60, np.full(60, 1 / 60), size=100)
        value, _ = kernel_distance(features, reference)
        ends = centred(value, kernel_resamples(features, reference, counts))
        inside += ends.lo <= truth <= ends.hi
    assert inside >= 34


def test_without_torch_fidelity_table1_has_no_kernel_distance_and_says_so(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch_fidelity.metric_kid", None)
    bench = bench_of(tree, "bicubic", cache=str(tmp_path / "cache"))
    (sheet,) = benchmark("table1", bench, tmp_path / "out").sheets
    for section in sheet.sections:
        (row,) = section.rows
        assert row["fd_dlib_lo"] <= row["fd_dlib"] <= row["fd_dlib_hi"]
        assert "kd_dlib" not in row
    assert "No kernel distance" in sheet.markdown() and "[metrics]" in sheet.markdown()


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
    assert sorted(p.identity for p in candidates.images) == sorted(
        {p.identity for p in lfw_test(bench.data).images}
    )
    hog, found = load_detector("hog"), []
    for image in candidates.images:
        with Image.open(io.BytesIO(image.read())) as whole:
            side = round(0.55 * 250)
            at = (250 - side) // 2
            part = whole.convert("RGB").crop((at, at, at + side, at + side))
        if hog(np.array(part.resize((64, 64), Image.Resampling.BICUBIC)), 1):
            found.append(image.key)
    chosen, tried = with_a_face_on_hr(bench, paper, candidates, 1)
    assert [p.key for p in chosen.images] == found[:1]
    assert tried == [p.key for p in candidates.images].index(found[0]) + 1
    assert len(with_a_face_on_hr(bench, paper, candidates, 50)[0].images) == len(found)


Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    def call(*words: object) -> Result:
        found = CliRunner().invoke(cli, [str(word) for word in words], standalone_mode=False)
        if found.exception is None and isinstance(found.return_value, int):
            found.exit_code = found.return_value
        return found

    return call


@pytest.mark.parametrize(
    "name", ["table1", "table2", "table3", "table4", "degraded", "figures", "speed"]
)
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


def test_data_and_out_need_not_be_named(
    run: Run, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("benchmark", "table3", "--subset", 1, "--upscalers", "bicubic", "--quiet")
    (tmp_path / "shared").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    done = run(*words, "--cache", tree / "cache")
    assert isinstance(done.exception, UsageError)
    assert str(done.exception).startswith("../shared/data is not there: ")
    (tmp_path / "shared" / "data").symlink_to(tree / "data")
    done = run(*words, "--cache", tree / "cache")
    assert (done.exception, done.exit_code) == (None, 0)
    assert (tmp_path / "here" / "tables" / "table3.csv").is_file()


def test_the_command_prints_the_table_as_json(run: Run, tree: Path, tmp_path: Path) -> None:
    words = ("--data", tree / "data", "--out", tmp_path, "--cache", tree / "cache", "--quiet")
    done = run("benchmark", "table3", *words, "--upscalers", "bicubic,nearest", "--json")
    assert done.exception is None
    assert done.exit_code == 0  # without set5 and set14
    sections = json.loads(done.stdout)["tables"]["table3"]["sections"]
    assert [row["method"] for row in sections[0]["rows"]] == ["bicubic", "nearest"]
