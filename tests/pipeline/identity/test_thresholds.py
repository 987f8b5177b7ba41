from dataclasses import replace
from pathlib import Path

import pytest

from data.errors import ModelError
from pipeline.identity.thresholds import Fingerprints, Found, Provenance, Rule, Table, load_table

PRINTS = Fingerprints(None, "e", "c")
ORIGIN = Provenance("data", "command", "commit", "2026-01-01", PRINTS)


def rule(width: float = 10, similarity: float = 5, **others: object) -> Rule:
    base = Rule("bicubic", width, "clean", 1, 100, 0.01, similarity, 0.5, 300, 0.4, 0.01)
    return replace(base, **others)  # type: ignore[arg-type]


TABLE = Table(
    (
        rule(10, 5.0),
        rule(20, 6.0),
        rule(40, 4.0),
        rule(10, 5.5, people=300),
        rule(10, 5.2, frames=4, tpir=0.8),
        rule(10, 7.0, degradation="noisy", tpir=0.02),
    ),
    {"bicubic": ORIGIN},
)


def find(**words: object) -> Found:
    asked: dict[str, object] = {"face_px": 12.0, "degradation": "clean", "people": 50, **words}
    return TABLE.find("bicubic", PRINTS, **asked)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("words", "similarity"),
    [
        ({"face_px": 10}, 5.0),
        ({"face_px": 15}, 5.585),
        ({"face_px": 30}, 4.830),
        ({"face_px": 500}, 4.0),
        ({"face_px": 9.1}, 5.0),
        ({"face_px": 10, "people": 101}, 5.5),
        ({"face_px": 10, "people": 300}, 5.5),
        ({"face_px": 10, "frames": 3}, 5.2),
    ],
    ids=["measured", "line up", "line down", "larger", "nearly", "people", "most", "frames"],
)
def test_a_line_holds_between_widths_and_the_stricter_neighbour_else(
    words: dict[str, object], similarity: float
) -> None:
    found = find(**words).rule
    assert found is not None
    assert found.similarity == pytest.approx(similarity, abs=1e-3)


def test_the_line_between_widths_is_no_surer_than_its_ends() -> None:
    ends = rule(10, 5.0, margin=0.2, strangers=300), rule(20, 6.0, margin=1.0, strangers=90)
    asked = {"face_px": 14.142, "degradation": "clean", "people": 100}
    found = Table(ends, {"bicubic": ORIGIN}).find("bicubic", PRINTS, **asked).rule  # type: ignore[arg-type]
    assert found is not None
    assert found.similarity == pytest.approx(5.5, abs=1e-3)
    assert (found.margin, found.strangers) == (1.0, 90)


def test_a_smaller_gallery_has_the_stricter_of_its_neighbours() -> None:
    """In a small gallery the closest stands out further, so its rule may be the stricter one."""
    rules = rule(10, 6.5, people=10), rule(10, 5.5, people=100)
    table = Table(rules, {"bicubic": ORIGIN})
    for people, least in ((5, 6.5), (10, 6.5), (11, 6.5), (99, 6.5), (100, 5.5)):
        found = table.find("bicubic", PRINTS, face_px=10, degradation="clean", people=people).rule
        assert found is not None
        assert found.similarity == least


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ({"face_px": 8.9}, "too small"),
        ({"face_px": float("nan")}, "too small"),
        ({"degradation": "blurred"}, "too degraded"),
        ({"degradation": "noisy"}, "too degraded"),
        ({"people": 301}, "not calibrated"),
        ({"fpir": 0.001}, "not calibrated"),
    ],
)
def test_where_nothing_was_measured_there_is_a_reason(
    words: dict[str, object], reason: str
) -> None:
    found = find(**words)
    assert (found.rule, found.reason) == (None, reason)
    assert found.note


def test_other_weights_or_upscalers_have_no_rule() -> None:
    asked = {"face_px": 12.0, "degradation": "clean", "people": 5}
    for prints in (Fingerprints("w", "e", "c"), Fingerprints(None, "x", "c")):
        found = TABLE.find("bicubic", prints, **asked)  # type: ignore[arg-type]
        assert (found.rule, found.reason) == (None, "not calibrated")
    assert TABLE.find("other", PRINTS, **asked).rule is None  # type: ignore[arg-type]


def test_a_table_survives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    path.write_text(TABLE.as_json(), encoding="utf-8")
    assert load_table(path) == TABLE


def test_measuring_a_width_again_replaces_its_rules_only() -> None:
    more = TABLE.updated("nearest", [rule(8, 7, upscaler="nearest")], ORIGIN)
    assert len(more.rules) == len(TABLE.rules) + 1
    again = more.updated("bicubic", [rule(10, 1)], ORIGIN)
    assert [r.similarity for r in again.rules] == [6.0, 4.0, 7, 1]


def test_other_weights_replace_the_rules_of_every_width() -> None:
    other = replace(ORIGIN, fingerprints=replace(ORIGIN.fingerprints, embedder="another"))
    again = TABLE.updated("bicubic", [rule(8, 1)], other)
    assert [r.similarity for r in again.rules if r.upscaler == "bicubic"] == [1]


def test_a_table_names_every_command_that_made_it() -> None:
    second = replace(ORIGIN, command="second")
    table = TABLE.updated("bicubic", [rule(8, 1)], second).updated("bicubic", [rule(9, 1)], second)
    assert table.provenance["bicubic"].command == f"{ORIGIN.command} && second"


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"columns": [], "rules": [[1]]}'])
def test_a_broken_table_is_one_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "table.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ModelError, match=r"^[^\n]*not a table of identity thresholds[^\n]*$"):
        load_table(path)
    with pytest.raises(ModelError, match="absent"):
        load_table(tmp_path / "absent")


def test_the_shipped_table_rests_on_people_who_are_never_tested() -> None:
    from pipeline.identity.calibration_run import fingerprints

    table = load_table()
    assert "gflmser" in table.provenance
    for name, origin in table.provenance.items():
        assert "lfw-val" in origin.data
        assert "test" not in origin.data
        assert origin.fingerprints == fingerprints(name)
    for found in table.rules:
        assert found.strangers * found.fpir >= 0.6
        assert 0 <= found.wrong <= 0.1
