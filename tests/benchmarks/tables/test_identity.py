"""Open-set identification: names by the shipped rules, for people whom they never saw."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.context import Bench
from benchmarks.measuring import open_set
from benchmarks.methods import find_entrants
from benchmarks.result_cache import Cache
from benchmarks.tables.document import Sheet
from benchmarks.tables.identity import identity
from pipeline.identity.labelled import DEGRADATIONS
from tests.benchmarks.benchmark_data import make_data


@pytest.fixture(scope="module")
def bench(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("identity")
    make_data(folder / "data", samples)
    entrants = find_entrants(["bicubic", "lanczos"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(open_set, "GALLERIES", (2, 1000))
        patch.setattr(open_set, "_LEAST_STRANGERS", 1)
        cache = Cache(folder / "cache")
        yield Bench(folder / "data", cache, entrants, "", workers=0, quiet=True)


@pytest.fixture(scope="module")
def sheet(bench: Bench) -> Sheet:
    """The first run, which computes everything."""
    return identity(bench)


def test_every_row_is_a_share_of_known_people_or_of_strangers(sheet: Sheet) -> None:
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


def test_a_second_run_computes_nothing(bench: Bench, sheet: Sheet) -> None:
    computed = bench.cache.computed
    assert computed > 0
    assert identity(bench).content() == sheet.content()
    assert bench.cache.computed == computed
