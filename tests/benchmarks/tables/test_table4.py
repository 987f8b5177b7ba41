"""Table 4 and the figures: counts, oracles apart, identity by hand; and the shared data."""

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import benchmarks.tables.figures as figures_module
from benchmarks.context import Bench
from benchmarks.image_sets import ImageSet, scenes, table4_faces
from benchmarks.measuring.compare_rows import frame, measure
from benchmarks.measuring.identity import Faces, few_pairs, rank1_hits, tars
from benchmarks.measuring.whole_images import measure_scenes
from benchmarks.methods import find_entrants
from benchmarks.protocols import CNN, TABLE4
from benchmarks.result_cache import Cache
from benchmarks.run import benchmark
from benchmarks.tables import table4
from benchmarks.tables.identity_section import identity_section
from data.prepared import DatasetImage
from gflmser.config import NetworkConfig
from gflmser.load import card_of
from gflmser.network import GFLmser
from gflmser.weights import save_weights
from pipeline.evaluation.pairs import Pairs
from pipeline.identity.embedding import load_embedder
from pipeline.report.data import Report
from tests.benchmarks.benchmark_data import WIDTHS, make_data

PERSONS = ("a", "b", "a", "b", "b", "c")


@pytest.fixture(scope="module")
def bench(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp("faces")
    make_data(folder / "data", samples)
    config = NetworkConfig(WIDTHS, groups=1, blocks=1, source="hr", gate="add")
    oracle = save_weights(GFLmser(config), card_of("tiny-oracle", config), folder)
    cache, entrants = Cache(folder / "cache"), find_entrants(["bicubic", str(oracle)])
    return Bench(folder / "data", cache, entrants, "sr-pipeline benchmark", workers=0, quiet=True)


def test_the_sections_count_found_missed_and_excluded(bench: Bench) -> None:
    robust = TABLE4[3]
    images = table4_faces(bench.data, 0)
    rows = measure(bench, robust, images)
    section = table4.detection_section(bench, robust, images, rows)
    table = frame(rows).groupby("method")
    assert [row["method"] for row in section.rows] == ["bicubic", "tiny-oracle"]
    for row in section.rows:
        own = table.get_group(row["method"])
        scored = own[own["truth"]]
        assert (row["n"], row["n_excluded"]) == (len(scored), 3 - len(scored))
        assert (row["n_found"], row["n_missed"]) == (
            scored["found"].sum(),
            (~scored["found"]).sum(),
        )
        assert row["accuracy"] == pytest.approx(scored["accurate"].mean())
        assert "published_iou" not in row  # the paper's profile is another one
    assert [row["oracle"] for row in section.rows] == [False, True]


def test_the_figure_says_where_it_comes_from_and_is_drawn_once(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = benchmark("figures", bench, tmp_path / "a")
    names = [
        *("faces", "faces-close", "faces-real-wider_lr16", "faces-real-crowd_voc"),
        *("scenes-general", "faces-general", "scenes"),
    ]
    assert [path.stem for path in done.files] == names
    with Image.open(done.files[0]) as image:
        assert json.loads(image.text["weights"]).keys() == {"tiny-oracle"}
    monkeypatch.setattr(figures_module, "_drawn", lambda *_: pytest.fail("drawn again"))
    again = benchmark("figures", bench, tmp_path / "b")
    assert [p.read_bytes() for p in done.files] == [p.read_bytes() for p in again.files]


def test_scenes_are_drawn_as_table_3_measures_them(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, tuple[int, int], tuple[int, int]]] = []
    figures: dict[tuple[str, str], float] = {}

    def watched(report: Report, images: Sequence[str]) -> Image.Image:
        for key in images:
            sizes = [Image.open(report.image(view, key)).size for view in ("lr", "bicubic")]
            seen.append((key, *sizes))
        for row in report.rows.to_dict("records"):
            figures[row["method"], row["image"]] = row["psnr_rgb"]
        return Image.new("RGB", (8, 8))

    monkeypatch.setattr("pipeline.report.contact_sheet.contact_sheet", watched)
    fresh = replace(bench, cache=Cache(tmp_path / "cache"))
    monkeypatch.setattr(figures_module, "FIGURES", figures_module.FIGURES[-1:])
    assert figures_module.figures(fresh, tmp_path)[1] == []
    whole, middle = ((50, 33), (200, 132)), ((20, 20), (80, 80))
    assert [sizes for _, *sizes in seen] == [[*whole], [*middle]] * 2
    assert [key.startswith("middle of ") for key, *_ in seen] == [False, True] * 2
    for entrant in bench.entrants:
        for row in measure_scenes(fresh, entrant, scenes(bench.data, "bsds100"), "whole"):
            assert figures[entrant.name, row["image"]] == row["psnr_rgb"]


def test_empty_caches_and_other_workers_give_the_same_bytes(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the issue asks of `benchmark all`: a second run, with nothing kept, changes nothing."""
    monkeypatch.setattr(table4, "TABLE4", TABLE4[1:2])
    monkeypatch.setattr(table4, "CNN", replace(CNN, most=1))
    chosen = [
        f for f in figures_module.FIGURES if f.name in ("faces-close", "faces-real", "scenes")
    ]
    monkeypatch.setattr(figures_module, "FIGURES", chosen)
    made = []
    for name, workers in (("first", 2), ("second", 0)):
        cache = Cache(tmp_path / name / "cache")
        fresh = replace(bench, cache=cache, workers=workers, batch_size=2)
        for table in ("table4", "figures"):
            assert benchmark(table, fresh, tmp_path / name / "out").missing == []
        assert fresh.cache.computed > 0
        files = sorted(p for p in (tmp_path / name / "out").rglob("*") if p.is_file())
        made.append({p.relative_to(tmp_path / name): p.read_bytes() for p in files})
    first, second = made
    assert len(first) == 8 and first == second


def faces(*identities: str) -> ImageSet:
    return ImageSet(
        "few", tuple(DatasetImage(f"{i}.png", name, bytes) for i, name in enumerate(identities))
    )


def test_rank_1_by_hand() -> None:
    at = {"a": 0.0, "b": 10.0, "c": 20.0}
    embeddings = {
        ("hr", f"{i}.png"): np.full(2, at[name], np.float32) for i, name in enumerate(PERSONS)
    }
    embeddings[("sr", "2.png")] = np.full(2, 4.0, np.float32)  # a, nearest to a
    embeddings[("sr", "3.png")] = np.full(2, 4.0, np.float32)  # b, nearest to a
    assert rank1_hits("sr", embeddings, faces(*PERSONS)) == [1.0, 0.0, 0.0]  # 4.png: no face
    assert rank1_hits("hr", embeddings, faces(*PERSONS)) == [1.0, 1.0, 1.0]


def test_impostors_are_all_against_all_of_other_people() -> None:
    at = {"a": 0.0, "b": 3.0, "c": 7.0}
    embeddings = {
        (method, f"{i}.png"): np.array([at[name] + (method == "sr"), 0.5], np.float32)
        for method in ("hr", "sr")
        for i, name in enumerate(PERSONS)
        if i != 4  # the third b has no face
    }
    found = Faces(embeddings, faces(*PERSONS))
    expected = [
        abs(at[p] + 1 - at[g])
        for i, p in enumerate(PERSONS)
        for j, g in enumerate(PERSONS)
        if p != g and 4 not in (i, j)
    ]
    assert found.impostors("sr") == pytest.approx(expected)
    pairs = Pairs(("0.png", "1.png", "0.png"), ("2.png", "4.png", "1.png"), (True, True, False))
    assert list(found.same("sr", pairs)) == [1.0, np.inf]
    assert len(found.impostors("nobody")) == 0


def test_a_rate_that_would_rest_on_few_comparisons_has_no_figure() -> None:
    rng = np.random.default_rng(0)
    same, other = rng.uniform(0.2, 0.8, 300), rng.uniform(0.5, 1.5, 10_000)
    found = tars(same, other, 0)
    for name, far in (("tar_at_far_1e-2", 0.01), ("tar_at_far_1e-3", 0.001)):
        accepted = np.sort(other)[: round(far * len(other))].max()
        assert found[name] == np.mean(same <= accepted)
        assert found[f"{name}_lo"] < found[name] < found[f"{name}_hi"]
    few = tars(same, other[:9_999], 0)
    assert few["tar_at_far_1e-2"] is not None
    assert few["tar_at_far_1e-3"] is few["tar_at_far_1e-3_lo"] is None
    assert set(tars(same[:0], other, 0).values()) == {None}


def test_the_identity_section_says_what_it_could_not_measure(bench: Bench) -> None:
    section, _ = identity_section(bench)
    row = section.rows[0]
    assert row["tar_at_far_1e-2"] is row["tar_at_far_1e-3"] is None
    assert 0 < row["impostors"] < 1000
    assert section.note.endswith("FAR 1 % needs 1000, 0.1 % needs 10000.")


def test_few_pairs_keep_same_and_different_in_balance() -> None:
    pairs = Pairs(
        tuple(f"{i}a" for i in range(10)), tuple(f"{i}b" for i in range(10)), (True, False) * 5
    )
    few = few_pairs(pairs, 9)
    assert few.same == (True, False, True, False)
    assert len(few.keys()) == 8
    assert few_pairs(pairs, None) == pairs


def test_embeddings_of_the_identity_rows_are_dlibs(bench: Bench) -> None:
    """`measure` asks `compare` for them: the same numbers as the embedder's on the same face."""
    robust = TABLE4[3]
    images = table4_faces(bench.data, 0)
    keys = frozenset(image.key for image in images.images)
    rows = measure(bench, robust, images, embedded=keys)
    hr = next(row for row in rows if row["method"] == "hr" and row["truth"])
    image = next(p for p in images.images if p.key == hr["image"])
    with Image.open(io.BytesIO(image.read())) as whole:
        part = whole.convert("RGB").crop((56, 56, 194, 194))
    from data.boxes import Box

    box = Box(*(hr[f"truth_{edge}"] for edge in ("left", "top", "right", "bottom")))
    expected = load_embedder().embed(np.array(part.resize((64, 64), Image.Resampling.BICUBIC)), box)
    assert np.allclose(hr["embedding"], expected, atol=1e-5)


@pytest.fixture
def shared(shared_data: Path, tmp_path: Path) -> Callable[[str], list[dict[str, Any]]]:
    """The sections of a table over 12 images of the shared data."""
    cache, entrants = Cache(tmp_path / "cache"), find_entrants(["bicubic", "nearest"])
    bench = Bench(shared_data, cache, entrants, "sr-pipeline benchmark", 12, workers=0, quiet=True)

    def make(name: str) -> list[dict[str, Any]]:
        assert benchmark(name, bench, tmp_path / "out").missing == []
        return json.loads((tmp_path / "out" / f"{name}.json").read_text())["sections"]

    return make


@pytest.mark.shared
def test_tables_1_and_3_of_the_shared_data(shared: Callable[[str], list[dict[str, Any]]]) -> None:
    first, real, _ = shared("table1")
    assert [row["n_images"] for row in first["rows"] + real["rows"]] == [12] * 4
    bicubic, nearest = first["rows"]
    assert 20 < nearest["psnr_rgb"] < bicubic["psnr_rgb"] < 24
    assert bicubic["lr_consistency"] > 30
    titles = {section["title"].split(",")[0] for section in shared("table3")}
    assert titles == {"bsds100", "set5", "set14"}


@pytest.mark.shared
def test_table_4_of_the_shared_data(
    shared: Callable[[str], list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table4, "TABLE4", (TABLE4[0], TABLE4[3]))
    monkeypatch.setattr(table4, "CNN", replace(CNN, most=2))  # 0.7 s an image
    paper, robust, cnn, identity = shared("table4")
    assert [row["n_found"] + row["n_missed"] for row in paper["rows"]] == [12, 12]
    assert paper["rows"][0]["published_iou"] == 0.531
    assert robust["rows"][0]["n_images"] == 12 and cnn["rows"][0]["n_images"] == 2
    hr, bicubic, nearest = identity["rows"]
    assert hr["oracle"] and not bicubic["oracle"]
    assert hr["rank1"] >= max(bicubic["rank1"], nearest["rank1"])
