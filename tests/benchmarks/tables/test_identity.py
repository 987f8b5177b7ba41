"""Open-set identification: names by the shipped rules, for people whom they never saw."""

from pathlib import Path

import pytest

from benchmarks.context import Bench
from benchmarks.measuring import open_set
from benchmarks.methods import find_entrants
from benchmarks.result_cache import Cache
from benchmarks.tables.identity import identity
from pipeline.identity.labelled import DEGRADATIONS
from tests.benchmarks.benchmark_data import make_data


@pytest.fixture
def bench(samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    make_data(tmp_path / "data", samples)
    monkeypatch.setattr(open_set, "GALLERIES", (2, 1000))
    monkeypatch.setattr(open_set, "_LEAST_STRANGERS", 1)
    entrants = find_entrants(["bicubic", "lanczos"])
    return Bench(tmp_path / "data", Cache(tmp_path / "cache"), entrants, "", workers=0, quiet=True)


def test_every_row_is_a_share_of_known_people_or_of_strangers(bench: Bench) -> None:
    sheet = identity(bench)
    assert len(sheet.sections) == len(open_set.WIDTHS)
    for section in sheet.sections:
        rows = section.rows
        assert {row["method"] for row in rows} == {"bicubic"}  # lanczos has no rules
        assert [row["kind"] for row in rows if row["frames"] == 1] == [*DEGRADATIONS]
        assert all(row["people"] == 2 for row in rows)
        for row in rows:
            assert row["right"] + row["wrong"] <= 1
            assert row["right"] <= row["rank1"]
            assert row["strangers_named_lo"] <= row["strangers_named"] <= 1
        clean = next(row for row in rows if row["kind"] == "clean")
        assert clean["rank1"] > 0.5  # three images of three people who look unlike


def test_a_second_run_computes_nothing(bench: Bench) -> None:
    first = identity(bench).content()
    computed = bench.cache.computed
    assert identity(bench).content() == first
    assert bench.cache.computed == computed
