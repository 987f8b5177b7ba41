import hashlib
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from data.errors import ModelError
from data.images.files import load_rgb
from pipeline.detection.registry import load_detector
from pipeline.identity.calibrate import Subject, calibrate, command, embed, read_subjects
from pipeline.identity.thresholds import Calibration, Provenance, Row, load_calibration
from pipeline.upscalers.loading import load_upscaler

ORIGIN = Provenance("data", "command", "commit", "2026-01-01")


def row(size: float, threshold: float, upscaler: str = "bicubic", far: float = 0.01) -> Row:
    return Row(upscaler, size, far, threshold, 1000, 0.5, 100)


TABLE = Calibration(
    (row(8, 0.4), row(16, 0.5), row(64, 0.6), row(16, 0.3, far=0.001)), {"bicubic": ORIGIN}
)


@pytest.mark.parametrize(
    ("size", "threshold"),
    [(8, 0.4), (16, 0.5), (64, 0.6), (32, 0.55), (11.3137085, 0.45), (500, 0.6)],
    ids=["smallest", "middle", "largest", "between", "between in the logarithm", "larger"],
)
def test_thresholds_are_interpolated_between_sizes(size: float, threshold: float) -> None:
    found = TABLE.threshold("bicubic", size)
    assert found.value == pytest.approx(threshold)
    assert found.note == ""


@pytest.mark.parametrize(
    ("upscaler", "size", "far"),
    [("bicubic", 7.9, 0.01), ("gflmser", 16, 0.01), ("bicubic", 16, 0.05), ("bicubic", 8, 0.001),
     ("bicubic", float("nan"), 0.01)],
)  # fmt: skip
def test_what_was_not_measured_has_no_threshold(upscaler: str, size: float, far: float) -> None:
    found = TABLE.threshold(upscaler, size, far=far)
    assert found.value is None
    assert found.note.startswith("not calibrated for ")


@given(st.floats(8, 1000))
def test_a_threshold_lies_between_its_neighbours(size: float) -> None:
    value = TABLE.threshold("bicubic", size).value
    assert value is not None
    assert 0.4 <= value <= 0.6


def test_a_table_survives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    path.write_text(TABLE.as_json(), encoding="utf-8")
    assert load_calibration(path) == TABLE


def test_measuring_an_upscaler_again_replaces_its_rows_only() -> None:
    more = TABLE.updated([row(8, 0.7, "nearest")], {"nearest": ORIGIN})
    assert {r.upscaler for r in more.rows} == {"bicubic", "nearest"}
    again = more.updated([row(8, 0.1)], {"bicubic": ORIGIN})
    assert [(r.upscaler, r.threshold) for r in again.rows] == [("bicubic", 0.1), ("nearest", 0.7)]


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"rows": [{"x": 1}], "provenance": {}}'])
def test_a_broken_table_is_one_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "table.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ModelError, match=r"^[^\n]*not a calibration table[^\n]*$"):
        load_calibration(path)
    with pytest.raises(ModelError, match="absent"):
        load_calibration(tmp_path / "absent")


def test_the_shipped_table_covers_its_upscalers_and_says_where_it_comes_from() -> None:
    table = load_calibration()
    assert {"none", "nearest", "bilinear", "bicubic", "lanczos"} <= table.provenance.keys()
    for name in table.provenance:
        assert "lfw-val" in table.provenance[name].data
        for far in (0.01, 0.001):
            for size in (8, 13, 40, 300):
                assert 0.2 < (table.threshold(name, size, far=far).value or 0) < 0.8
    for found in table.rows:
        assert found.n_pairs * found.far >= 10
        assert 0 <= found.tar <= 1
    assert all("test" not in p.data for p in table.provenance.values())


@pytest.fixture(scope="module")
def subjects(samples: Path) -> list[Subject]:
    made = []
    for name, person in (("obama.jpg", "o"), ("biden.jpg", "b"), ("biden2.jpg", "b")):
        rgb = load_rgb(samples / name)
        box = max((f.box for f in load_detector("hog")(rgb, 1)), key=lambda b: b.area)
        made.append(Subject(name, person, rgb, box))
    return made


def test_smaller_faces_are_further_from_themselves(subjects: list[Subject]) -> None:
    bicubic = load_upscaler("bicubic")
    whole = embed(subjects, None, list, scale=1)
    away = [
        np.linalg.norm(embed(subjects, size, bicubic, scale=4) - whole, axis=1).mean()
        for size in (64, 24, 8)
    ]
    assert away == sorted(away)
    assert away[0] < 0.2 < away[2]


def test_comparisons_are_counted_and_a_picture_is_never_compared_with_itself(
    subjects: list[Subject],
) -> None:
    bicubic = load_upscaler("bicubic")
    (found,) = calibrate(subjects, bicubic, name="bicubic", scale=4, sizes=[32], fars=[0.4])
    assert (found.n_pairs, found.n_same) == (3, 1)
    assert (found.face_px, found.tar) == (32, 1.0)


def test_pictures_per_person_can_be_limited(tmp_path: Path, samples: Path) -> None:
    split = tmp_path / "split.csv"
    split.write_text("image,identity\nobama.jpg,o\nbiden.jpg,b\nbiden2.jpg,b\nabsent.jpg,x\n")
    assert [s.image for s in read_subjects(samples, split, 1)] == ["obama.jpg", "biden.jpg"]
    assert len(read_subjects(samples, split)) == 3


def test_the_command_writes_the_table(tmp_path: Path, samples: Path) -> None:
    split = tmp_path / "split.csv"
    split.write_text("image,identity\nobama.jpg,o\nbiden.jpg,b\nbiden2.jpg,b\n", encoding="utf-8")
    out = tmp_path / "table.json"
    words = [str(samples), str(split), "--upscalers", "none", "--sizes", "40", "--out", str(out)]
    done = CliRunner().invoke(command, words)
    assert done.exit_code == 0, done.output
    table = load_calibration(out)
    assert table.rows == ()  # 3 comparisons are too few for 1 %
    assert table.provenance["none"].weights is None
    assert table.provenance["none"].data == "split.csv: 3 pictures of 2 people with a face"


def test_the_shipped_calibration_was_made_with_the_shipped_weight() -> None:
    weight = Path(__file__).parents[2] / "data" / "weights" / "gflmser.safetensors"
    digest = hashlib.sha256(weight.read_bytes()).hexdigest()
    assert load_calibration().provenance["gflmser"].weights == digest
