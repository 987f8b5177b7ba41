"""Table 4 and the figures: counts, oracles apart, identity by hand; and the shared data."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.bench import Bench
from benchmarks.cache import Cache
from benchmarks.entrants import find_entrants
from benchmarks.identity import few_pairs, rank1_hits
from benchmarks.measured import frame, measure
from benchmarks.picture_sets import PictureSet, table4_faces
from benchmarks.protocols import CNN, TABLE4
from benchmarks.run import benchmark
from benchmarks.tables import table4
from data.cache import Picture
from gflmser.config import NetworkConfig
from gflmser.network import GFLmser
from gflmser.weights import Card, save_weights
from pipeline.identity import load_embedder
from pipeline.pairs import Pairs
from tests.benchmarks.benchmark_data import WIDTHS, make_data

PERSONS = ("a", "b", "a", "b", "b", "c")


@pytest.fixture(scope="module")
def bench(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp("faces")
    make_data(folder / "data", samples)
    config = NetworkConfig(WIDTHS, groups=1, blocks=1, source="hr", gate="add")
    oracle = save_weights(GFLmser(config), Card(name="tiny-oracle", network=config), folder)
    cache, entrants = Cache(folder / "cache"), find_entrants(["bicubic", str(oracle)])
    return Bench(folder / "data", cache, entrants, "sr-pipeline benchmark", workers=1, quiet=True)


def test_the_sections_count_found_missed_and_excluded(bench: Bench) -> None:
    robust = TABLE4[3]
    pictures = table4_faces(bench.data, 0)
    rows = measure(bench, robust, pictures)
    section = table4.detection_section(bench, robust, pictures, rows)
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
    import benchmarks.tables.figures as module

    done = benchmark("figures", bench, tmp_path / "a")
    names = ["faces", "faces-close", "faces-real", "scenes"]
    assert [path.stem for path in done.files] == names
    with Image.open(done.files[0]) as image:
        assert json.loads(image.text["weights"]).keys() == {"tiny-oracle"}
    monkeypatch.setattr(module, "_drawn", lambda *_: pytest.fail("drawn again"))
    again = benchmark("figures", bench, tmp_path / "b")
    assert [p.read_bytes() for p in done.files] == [p.read_bytes() for p in again.files]


def faces(*identities: str) -> PictureSet:
    return PictureSet(
        "few", tuple(Picture(f"{i}.png", name, bytes) for i, name in enumerate(identities))
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
    pictures = table4_faces(bench.data, 0)
    keys = frozenset(picture.key for picture in pictures.pictures)
    rows = measure(bench, robust, pictures, embedded=keys)
    hr = next(row for row in rows if row["method"] == "hr" and row["truth"])
    picture = next(p for p in pictures.pictures if p.key == hr["image"])
    with Image.open(io.BytesIO(picture.read())) as whole:
        part = whole.convert("RGB").crop((56, 56, 194, 194))
    from pipeline.boxes import Box

    box = Box(*(hr[f"truth_{edge}"] for edge in ("left", "top", "right", "bottom")))
    expected = load_embedder().embed(np.array(part.resize((64, 64), Image.Resampling.BICUBIC)), box)
    assert np.allclose(hr["embedding"], expected, atol=1e-5)


@pytest.fixture
def shared(shared_data: Path, tmp_path: Path) -> Callable[[str], list[dict[str, Any]]]:
    """The sections of a table over 12 pictures of the shared data."""
    cache, entrants = Cache(tmp_path / "cache"), find_entrants(["bicubic", "nearest"])
    bench = Bench(shared_data, cache, entrants, "sr-pipeline benchmark", 12, workers=1, quiet=True)

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
    monkeypatch.setattr(table4, "CNN", replace(CNN, most=2))  # 0.7 s a picture
    paper, robust, cnn, identity = shared("table4")
    assert [row["n_found"] + row["n_missed"] for row in paper["rows"]] == [12, 12]
    assert paper["rows"][0]["published_iou"] == 0.531
    assert robust["rows"][0]["n_images"] == 12 and cnn["rows"][0]["n_images"] == 2
    hr, bicubic, nearest = identity["rows"]
    assert hr["oracle"] and not bicubic["oracle"]
    assert hr["rank1"] >= max(bicubic["rank1"], nearest["rank1"])
