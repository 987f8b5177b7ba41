"""`benchmark real`: equal false positives, intervals, faceless crops, and the table as a whole."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.context import Bench
from benchmarks.measuring.kept_scores import scores_of
from benchmarks.measuring.real_detection import Scores, paired_difference
from benchmarks.measuring.real_frames import FrameScores, face_scores, frame_searches
from benchmarks.measuring.real_sets import FaceCrop, Scenes, face_crops, real_sets
from benchmarks.result_cache import Cache
from data.boxes import Box
from data.images.files import load_rgb
from pipeline.detection.calibrate import FacelessData
from pipeline.detection.chains import Chain
from pipeline.detection.faceless import crops, grey, images, read_left_out
from pipeline.detection.thresholds import Curve, from_scores
from pipeline.jobs.detection_chains import load_chains


def scores(faces: list[float], faceless: list[float]) -> Scores:
    return Scores(np.array(faces), np.array(faceless))


def test_a_face_is_found_only_above_the_allowed_false_boxes() -> None:
    faceless = [0.9, *np.linspace(0, 0.5, 99)]
    made = scores([0.95, 0.6, 0.4, float("-inf")], faceless)
    assert made.threshold(0.01) == pytest.approx(0.5)
    assert made.hits(0.01).tolist() == [True, True, False, False]
    assert made.hits(0.0).tolist() == [True, False, False, False]


def test_raising_every_score_is_no_gain() -> None:
    rng = np.random.default_rng(0)
    plain = Scores(rng.normal(1, 1, 200), rng.normal(0, 1, 400))
    louder = Scores(plain.faces + 3, plain.faceless + 3)
    assert paired_difference(louder, plain, 0.01, 0) == (0, 0, 0)
    better = Scores(plain.faces + 3, plain.faceless)
    gain, low, high = paired_difference(better, plain, 0.01, 0)
    assert 0 < low < gain < high


def test_average_precision_of_a_perfect_order_is_one() -> None:
    assert scores([0.9, 0.8], [0.1, 0.2]).average_precision() == 1
    assert scores([0.9, float("-inf")], [0.1]).average_precision() == 0.5


def test_a_threshold_gives_its_rate_back() -> None:
    rng = np.random.default_rng(0)
    curve = Curve("d", "u", "crop", False, 80, from_scores(rng.random(1000).tolist(), 1000), 1000)
    for rate in (0.3, 0.01, 0.002):
        assert curve.rate(curve.threshold(rate)) == pytest.approx(rate, rel=0.1)
    assert curve.threshold(0.01) > curve.threshold(0.05)


def test_faceless_crops_touch_no_face_and_are_the_same_each_time(samples: Path) -> None:
    face = Box(196, 82, 320, 206)
    path = samples / "obama.jpg"
    made = list(crops({path: [face]}, 40, seed=3))
    again = list(crops({path: [face]}, 40, seed=3))
    assert [one.name for one in made] == [one.name for one in again]
    assert len(made) == 40
    for one in made:
        left, top, side = map(int, one.name.split("@")[1].split(","))
        assert left + side <= 196 or left >= 320 or top + side <= 82 or top >= 206
        assert one.rgb.shape == (side, side, 3)
    left_out = frozenset({made[0].name})
    assert len(list(crops({path: [face]}, 40, seed=3, left_out=left_out))) == 39


def test_a_crop_that_is_left_out_is_replaced_by_one_of_a_later_image(samples: Path) -> None:
    images = {samples / "obama.jpg": [], samples / "biden.jpg": []}
    made = list(crops(images, 9, seed=3))
    left_out = frozenset({made[0].name})
    again = list(crops(images, 9, seed=3, left_out=left_out))
    assert len(made) == len(again) == 9
    assert [one.name for one in again][:8] == [one.name for one in made][1:]


def test_a_search_is_measured_on_as_many_crops_where_large_ones_are_too_slow(
    samples: Path,
) -> None:
    data = FacelessData((samples,), {}, frozenset(), count=30)
    assert max(len(one.rgb) for one in data.crops()) > 40
    small = data.crops(40)
    assert len(small) == 30
    assert max(len(one.rgb) for one in small) <= 40


def test_chains_restore_small_images_alone_as_detect_does(samples: Path) -> None:
    whole = load_rgb(samples / "obama.jpg")
    images = [np.array(Image.fromarray(whole).resize((32, 40))), whole]
    chain, plain = Chain("hog", "bicubic"), Chain("hog", "none")
    (small, large), (bare, same) = (list(load_chains([one])(images)) for one in (chain, plain))
    best = max(small[chain], key=lambda face: face.score)
    assert 0 < best.box.width < 32
    assert best.score != max((face.score for face in bare[plain]), default=0)
    assert large[chain] == same[plain]


def test_frames_are_judged_by_their_false_boxes_and_by_size() -> None:
    faces, widths = np.array([0.9, 0.4, float("-inf")]), np.array([12.0, 20.0, 40.0])
    made = FrameScores(faces, widths, np.array([0.5, 0.3, 0.2]), 20)
    assert made.threshold(0.05) == 0.3
    assert made.hits(0.05, (10, 48)).tolist() == [True, True, False]
    assert made.hits(0.05, (24, 48)).tolist() == [False]


def test_a_search_of_frames_finds_the_face_of_a_sample(samples: Path, tmp_path: Path) -> None:
    small = Image.open(samples / "obama.jpg").convert("RGB").resize((160, 200))
    small.save(tmp_path / "a.png")
    face = Box(62, 24, 108, 72)
    scenes = Scenes("one", {tmp_path / "a.png": [face]}, {})
    for name, search in frame_searches("cpu").items():
        ((score, width),) = face_scores(search, scenes, None)
        assert score > 0.3, name
        assert width == face.width


def test_images_of_people_are_left_out(samples: Path, tmp_path: Path) -> None:
    for name in ("obama.jpg", "biden.jpg"):
        shutil.copy(samples / name, tmp_path)
    (tmp_path / "people.txt").write_text("# by eye\nobama\n")
    found = images([tmp_path], read_left_out(tmp_path / "people.txt"))
    assert [path.name for path in found] == ["biden.jpg"]


def test_grey_has_no_colour(samples: Path) -> None:
    rgb = grey(load_rgb(samples / "obama.jpg"))
    assert (np.ptp(rgb, axis=2) == 0).all()


@pytest.mark.shared
def test_the_real_sets_have_small_faces(shared_data: Path) -> None:
    sets = real_sets(shared_data)
    assert [one.name for one in sets] == ["crowd_voc without_mask", "group_scenes", "mask_crowds"]
    for one in sets:
        for face in face_crops(one, 20, 0):
            assert 8 <= face.face_px < 32
            assert abs(face.rgb.shape[0] - 2.3 * face.face_px) <= 1


def test_scores_are_kept_and_only_other_weights_are_run_again(
    samples: Path, tmp_path: Path
) -> None:
    rgb = np.array(Image.open(samples / "obama.jpg").convert("RGB").resize((48, 60)))
    face = FaceCrop(rgb, Box(12, 6, 30, 30), ())
    bench = Bench(tmp_path, Cache(tmp_path / "cache"), (), "test", device="cpu")

    def run(weights: str) -> tuple[int, int]:
        found = scores_of(
            bench,
            ("centerface",),
            "bicubic",
            weights=weights,
            faces={"one": [face]},
            faceless=[np.full((40, 40, 3), 90, np.uint8)],
        )
        made = found[Chain("centerface", "bicubic")]["one"]
        assert made.faces[0] > 0.5
        assert made.faceless[0] == float("-inf")
        return bench.cache.computed, bench.cache.reused

    assert run("a") == (1, 0)
    assert run("a") == (1, 1)
    assert run("b") == (2, 1)
