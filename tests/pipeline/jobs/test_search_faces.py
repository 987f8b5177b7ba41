"""`detect --detector auto`: small faces in frames and crops, their rows and their files."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.boxes import Box, iou
from data.images.files import load_rgb
from data.images.rgb import RGB
from pipeline.detection import rates
from pipeline.detection.candidates import mirrored
from pipeline.detection.centerface import load_centerface
from pipeline.detection.face_cuts import face_cut
from pipeline.detection.registry import load_detector
from pipeline.detection.search import SearchSettings, search_image
from pipeline.jobs.in_memory import rows_of
from tests.pipeline.conftest import Run

PHOTOGRAPHS = ("biden.jpg", "biden2.jpg", "obama.jpg")
FACE_PX = 18


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "detections.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def frame(samples: Path) -> tuple[RGB, list[Box]]:
    """A frame of 480x320 with three faces 18 px wide, and their boxes by HOG at full size."""
    scene = Image.effect_noise((480, 320), 20).convert("RGB")
    boxes = []
    for number, name in enumerate(PHOTOGRAPHS):
        rgb = load_rgb(samples / name)
        face = load_centerface(min_score=0.5).at_scale([rgb], 0.5)[0][0].box
        scale = FACE_PX / face.width
        size = round(rgb.shape[1] * scale), round(rgb.shape[0] * scale)
        at = 20 + 150 * number, 60 + 40 * number
        scene.paste(Image.fromarray(rgb).resize(size, Image.Resampling.BICUBIC), at)
        boxes.append(face.scaled(scale, scale).shifted(*at))
    return np.array(scene), boxes


@pytest.fixture(scope="module")
def frame_file(frame: tuple[RGB, list[Box]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("frame") / "frame.png"
    Image.fromarray(frame[0]).save(path)
    return path


def test_every_small_face_of_a_frame_is_found(frame: tuple[RGB, list[Box]]) -> None:
    rgb, boxes = frame
    found = [face for face in search_image(rgb) if not face.dropped]
    assert len(found) == 3
    assert all(max(iou(face.box, box) for face in found) > 0.4 for box in boxes)
    assert all(1 <= face.found_at <= 2 and face.kind == "frame" for face in found)
    assert {face.dori for face in found} == {"observation"}
    assert not load_detector("hog")(rgb, 0)


def test_a_face_that_fills_its_crop_is_found(frame: tuple[RGB, list[Box]]) -> None:
    rgb, boxes = frame
    for box in boxes:
        left, top, right, bottom = map(round, (box.left, box.top, box.right, box.bottom))
        tight = np.ascontiguousarray(rgb[top:bottom, left:right])
        found = [face for face in search_image(tight) if not face.dropped]
        assert len(found) == 1
        assert found[0].kind == "crop"
        assert found[0].face_px > 0.6 * tight.shape[1]


def test_a_grey_image_is_said_to_be_grey(frame: tuple[RGB, list[Box]]) -> None:
    rgb, _ = frame
    luma = np.repeat(rgb.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    assert all(face.grey for face in search_image(luma, SearchSettings(min_score=0.1)))
    assert not any(face.grey for face in search_image(rgb[60:200, 20:200].copy()))


def test_sizes_and_scores_that_are_not_wanted_are_dropped_with_a_reason(
    frame: tuple[RGB, list[Box]],
) -> None:
    rgb, _ = frame
    wide = search_image(rgb, SearchSettings(max_face=10))
    assert len(wide) >= 3
    assert {face.dropped for face in wide if face.score > 0.5} == {"wider than 10 px"}
    strict = search_image(rgb, SearchSettings(min_score=0.99))
    assert all(face.dropped == "score below 0.990" for face in strict)
    largest = search_image(rgb, SearchSettings(faces="largest"))
    assert [face.dropped for face in largest].count("") == 1
    assert "--faces largest" in {face.dropped for face in largest}


def test_a_better_score_stands_for_fewer_false_boxes(frame: tuple[RGB, list[Box]]) -> None:
    found = search_image(frame[0], SearchSettings(min_score=0.05))
    rates = [face.fp_rate for face in found]
    assert all(rate is not None for rate in rates)
    assert rates == sorted(rates, key=lambda rate: rate or 0)


def test_tiles_find_what_the_whole_image_shows(
    frame: tuple[RGB, list[Box]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.detection import tiles

    whole = [face.box for face in search_image(frame[0]) if not face.dropped]
    monkeypatch.setattr(tiles, "TILE", 256)
    cut = [face.box for face in search_image(frame[0]) if not face.dropped]
    assert len(whole) == 3
    assert all([iou(box, other) > 0.8 for other in cut].count(True) == 1 for box in whole)
    assert len(cut) <= 4, "tiles see other surroundings: one false box more, no face twice"


def test_a_large_face_is_found_whole(samples: Path) -> None:
    found = [face for face in search_image(load_rgb(samples / "obama.jpg")) if not face.dropped]
    assert len(found) == 1
    assert found[0].face_px > 90


def test_the_mirror_image_keeps_left_left(samples: Path) -> None:
    rgb = load_rgb(samples / "obama.jpg")
    net = load_centerface(min_score=0.5)
    flipped = net.at_scale([np.ascontiguousarray(rgb[:, ::-1])], 0.5)[0][0]
    back = mirrored(flipped, rgb.shape[1])
    straight = net.at_scale([rgb], 0.5)[0][0]
    assert iou(back.box, straight.box) > 0.7
    assert back.landmarks is not None
    assert straight.landmarks is not None
    assert np.allclose(back.landmarks, straight.landmarks, atol=10)


def test_a_turned_face_is_cut_upright(samples: Path) -> None:
    whole = Image.open(samples / "obama.jpg").resize((120, 150)).rotate(30, expand=True)
    rgb = np.array(whole.convert("RGB"))
    face = next(f for f in search_image(rgb, SearchSettings(min_score=0.2)) if not f.dropped)
    cut = face_cut(rgb, face.box, face.landmarks)
    assert abs(abs(cut.turned) - 30) < 12
    again = max(load_centerface(min_score=0.2).at_scale([cut.rgb], 2)[0], key=lambda f: f.score)
    assert again.landmarks is not None
    (x0, y0), (x1, y1) = again.landmarks[:2]
    assert abs(y1 - y0) < 0.3 * abs(x1 - x0)


def test_a_face_that_lies_straight_keeps_its_own_pixels(frame: tuple[RGB, list[Box]]) -> None:
    rgb, _ = frame
    face = search_image(rgb)[0]
    cut = face_cut(rgb, face.box, face.landmarks)
    left, top = round(cut.region.left), round(cut.region.top)
    height, width = cut.rgb.shape[:2]
    assert np.array_equal(cut.rgb, rgb[top : top + height, left : left + width])
    assert width > 1.8 * face.face_px


def test_rows_and_files_of_a_frame(run: Run, frame_file: Path, tmp_path: Path) -> None:
    words = ("--out", tmp_path, "--quiet", "--workers", 0)
    done = run("detect", frame_file, *words)
    assert done.exit_code == 0, done.output
    faces = [row for row in rows(tmp_path) if row["face"]]
    assert [row["face"] for row in faces] == ["0", "1", "2"]
    for row in faces:
        assert (row["status"], row["detector"], row["upscaler"]) == (
            "many",
            "centerface",
            "gflmser",
        )
        assert (row["dori"], row["fp_per"], row["scale"]) == ("observation", "frame", "4")
        assert 12 < float(row["face_px"]) < 26
        assert 0 < float(row["fp_rate"]) < 0.06
        assert len(row["landmarks"].split()) == 5
        native = load_rgb(tmp_path / "faces" / f"frame-{row['face']}-native.png")
        restored = load_rgb(tmp_path / "faces" / f"frame-{row['face']}-restored.png")
        assert restored.shape[0] == 4 * native.shape[0]
    assert load_rgb(tmp_path / "boxes" / "frame.png").shape == (320, 480, 3)
    for row in rows(tmp_path):
        assert bool(row["dropped"]) == (not row["face"])
        assert bool(row["candidate"]) == bool(row["dropped"])


def test_settings_of_the_other_search_are_named(
    run: Run, frame_file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    words = ("--quiet", "--no-images", "--upscaler", "bicubic", "--workers", 0)
    assert run("detect", frame_file, "--out", tmp_path, *words, "--passes", 2).exit_code == 0
    assert "--passes does nothing with --detector auto" in caplog.text


@pytest.mark.parametrize(
    ("size", "colour"), [((5, 400), 0), ((3000, 8), 90), ((64, 64), 0), ((4, 4), 255)]
)
def test_odd_and_empty_images_have_no_face(size: tuple[int, int], colour: int) -> None:
    rgb = np.full((size[1], size[0], 3), colour, np.uint8)
    assert not [face for face in search_image(rgb) if not face.dropped]


def test_without_a_curve_there_is_a_threshold_but_no_rate(
    frame: tuple[RGB, list[Box]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.detection.thresholds import Thresholds

    monkeypatch.setattr(rates, "load_thresholds", lambda: Thresholds((), {}))
    assert {face.fp_rate for face in search_image(frame[0])} == {None}


def test_a_doubtful_face_is_looked_at_again_and_enlarged(frame: tuple[RGB, list[Box]]) -> None:
    """Faces 9 px wide: the coarse search alone doubts them."""
    rgb = np.array(Image.fromarray(frame[0]).resize((240, 160), Image.Resampling.BICUBIC))
    found = [face for face in search_image(rgb) if not face.dropped]
    boxes = [box.scaled(0.5, 0.5) for box in frame[1]]
    again = [face for face in found if face.found_at > 1]
    assert again
    assert all(max(iou(face.box, box) for box in boxes) > 0.4 for face in again)


def test_crops_that_are_searched_together_give_the_same_faces(
    frame: tuple[RGB, list[Box]],
) -> None:
    rgb, boxes = frame
    crops = []
    for box in boxes:
        left, top = round(box.left) - 8, round(box.top) - 8
        crops.append(np.ascontiguousarray(rgb[top : top + 40, left : left + 34]))
    together = rows_of(crops, detector="auto", upscaler="gflmser", gallery=None, settings={})
    alone = [
        rows_of([one], detector="auto", upscaler="gflmser", gallery=None, settings={})[0]
        for one in crops
    ]
    assert [[row["left"] for row in rows] for rows in together] == [
        [pytest.approx(row["left"], abs=1e-3) for row in rows] for rows in alone
    ]
    assert any(row["face"] is not None for rows in together for row in rows)


def test_wide_faces_of_a_track_are_restored_once(
    frame_file: Path, run: Run, tmp_path: Path
) -> None:
    """Mirroring a wide face takes half of a frame's time; narrow ones keep spread and sigma."""
    frames = tmp_path / "frames"
    frames.mkdir()
    with Image.open(frame_file) as scene:
        scene.save(frames / "0.png")
        part = scene.crop((0, 40, 160, 140))
        part.resize((320, 200), Image.Resampling.BICUBIC).save(frames / "1.png")
    words = ("--upscaler", "gflmser", "--quiet", "--workers", "0")
    assert run("detect", frames, "--out", tmp_path / "tracks", "--tracks", *words).exit_code == 0
    assert run("detect", frames, "--out", tmp_path / "plain", *words).exit_code == 0
    wide = {
        name: {
            (row["image"], float(row["right"]) - float(row["left"]) < 24): row["spread"] != ""
            for row in rows(tmp_path / name)
            if row["face"] != ""
        }
        for name in ("tracks", "plain")
    }
    assert wide["tracks"] == {("0.png", True): True, ("1.png", False): False}
    assert wide["plain"] == {("0.png", True): True, ("1.png", False): True}
