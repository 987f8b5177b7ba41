import csv
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from data.errors import UsageError
from pipeline.cli import cli
from pipeline.identity.answers import Answer, score
from pipeline.identity.as_text import identification_text
from pipeline.identity.calibration_run import fingerprints
from pipeline.identity.quality import BUCKETS
from pipeline.identity.thresholds import Provenance, Rule, Table


def answer(identity: str, truth: str | None, accepted: bool | None) -> Answer:
    threshold = None if accepted is None else 0.5
    return Answer("p.png", 0, identity, 0.4, threshold, accepted, truth)


def test_answers_are_scored_where_the_folder_tells_the_truth() -> None:
    answers = [
        answer("a", "a", True),
        answer("a", "a", False),
        answer("b", "a", True),
        answer("b", "b", None),
        answer("b", None, True),
    ]
    found = score(answers)
    assert (found.n, found.rank_1, found.accepted_right, found.accepted_wrong) == (
        4, 3 / 4, 1 / 4, 1 / 4,
    )  # fmt: skip
    assert found.not_calibrated == 1
    text = identification_text(answers, 5)
    assert "5 images, 5 faces: 3 accepted, 1 rejected, 1 not calibrated" in text
    assert "closest is right 75.0%" in text
    assert "not evidence of identity" in text


def test_without_known_people_there_is_no_score() -> None:
    found = score([answer("a", None, True)])
    assert (found.n, found.rank_1) == (0, None)
    assert "closest is right" not in identification_text([answer("a", None, True)], 1)
    assert identification_text([], 2).startswith("2 images, 0 faces")


@pytest.fixture(scope="module")
def folders(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("identify")
    gallery, probes = root / "people", root / "probes"
    for person, name in (("Barack Obama", "obama.jpg"), ("Joe Biden", "biden.jpg")):
        (gallery / person).mkdir(parents=True)
        shutil.copy(samples / name, gallery / person)
    (probes / "Joe Biden").mkdir(parents=True)
    with Image.open(samples / "biden2.jpg") as image:
        small = image.resize((image.width // 5, image.height // 5), Image.Resampling.BICUBIC)
        small.save(probes / "Joe Biden" / "small.png")
    (probes / "broken.jpg").write_bytes(b"")
    return gallery, probes


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lenient table for bicubic and untouched images, tied to this installation."""
    made, origins = [], {}
    for upscaler in ("bicubic", "none"):
        origins[upscaler] = Provenance("d", "c", None, "2026-01-01", fingerprints(upscaler))
        made += [
            Rule(upscaler, 20, bucket, 1, 100, 0.01, 2.0, 0.1, 300, 0.4, 0.01) for bucket in BUCKETS
        ]
    path = tmp_path_factory.mktemp("rules") / "table.json"
    path.write_text(Table(tuple(made), origins).as_json(), encoding="utf-8")
    return path


def run(*words: object) -> Result:
    return CliRunner().invoke(cli, ["identify", *map(str, words)], standalone_mode=False)


def test_the_command_names_a_person_and_survives_a_broken_probe(
    folders: tuple[Path, Path], rules: Path, tmp_path: Path
) -> None:
    gallery, probes = folders
    words = ("--gallery", gallery, "--out", tmp_path, "--upscaler", "bicubic", "--quiet")
    done = run(probes, *words, "--thresholds", rules, "--json")
    assert done.exception is None
    assert done.return_value == 1
    document = json.loads(done.stdout)
    (named,) = document["answers"]
    assert (named["image"], named["name"]) == ("Joe Biden/small.png", "Joe Biden")
    assert (named["verdict"], named["reason"]) == ("accepted", "")
    assert named["similarity"] >= named["threshold"]
    assert document["score"]["rank_1"] == 1
    assert document["summary"]["counts"]["error"] == 1
    other = run(probes, *words, "--thresholds", rules, "--fpir", "0.05", "--resume")
    assert isinstance(other.exception, UsageError)  # other settings, no resume


def test_what_was_not_calibrated_gets_no_name(
    folders: tuple[Path, Path], rules: Path, tmp_path: Path
) -> None:
    gallery, probes = folders
    words = ("--gallery", gallery, "--out", tmp_path, "--upscaler", "nearest", "--quiet")
    done = run(probes / "Joe Biden", *words, "--thresholds", rules)
    assert done.return_value == 0
    assert "not calibrated" in done.stdout
    assert "A name is a lead to be checked" in done.stdout
    with (tmp_path / "detections.csv").open(newline="", encoding="utf-8") as file:
        (row,) = [row for row in csv.DictReader(file) if row["face"]]
    assert (row["identity"], row["name"], row["accepted"]) == ("Joe Biden", "", "")


def test_crops_of_a_track_get_one_answer(
    folders: tuple[Path, Path], rules: Path, tmp_path: Path
) -> None:
    gallery, probes = folders
    crop = probes / "Joe Biden" / "small.png"
    listed = tmp_path / "crops.csv"
    lines = [f"{crop.name},walk", f"{crop.name},walk", f"{crop.name},other"]
    listed.write_text("\n".join(["image,track", *lines]), encoding="utf-8")
    shutil.copy(crop, tmp_path)
    words = ("--gallery", gallery, "--out", tmp_path / "out", "--upscaler", "bicubic", "--quiet")
    tracks = ("--tracks", "--min-frames", 2, "--thresholds", rules)
    done = run(listed, *words, *tracks, "--json")
    assert done.exception is None
    answers = json.loads(done.stdout)["answers"]
    assert [(a["name"], a["frames"], a["reason"]) for a in answers] == [
        ("Joe Biden", 2, ""),
        ("", 1, "too few frames"),
    ]
    with (tmp_path / "out" / "detections.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["face"]]
    assert [row["track"] for row in rows] == ["0", "0", "1"]
    assert [row["name"] for row in rows] == ["Joe Biden", "Joe Biden", ""]


def test_a_video_is_searched_for_a_person_and_resumed(
    folders: tuple[Path, Path], rules: Path, samples: Path, tmp_path: Path
) -> None:
    gallery, _ = folders
    frames = tmp_path / "clip"
    frames.mkdir()
    with Image.open(samples / "biden2.jpg") as image:
        face = image.resize((image.width // 3, image.height // 3), Image.Resampling.BICUBIC)
    for number in range(6):
        scene = Image.new("RGB", (face.width + 60, face.height + 20), "grey")
        scene.paste(face, (8 * number, 10))
        scene.save(frames / f"{number:06d}.png")
    words = ("--gallery", gallery, "--out", tmp_path / "out", "--upscaler", "bicubic", "--quiet")
    tracks = ("--tracks", "--thresholds", rules)
    assert run(frames, *words, *tracks, "--limit", 3).return_value == 0
    done = run(frames, *words, *tracks, "--json", "--resume")
    assert done.exception is None
    (answer,) = json.loads(done.stdout)["answers"]
    assert (answer["name"], answer["frames"]) == ("Joe Biden", 6)
    with (tmp_path / "out" / "tracks.csv").open(newline="", encoding="utf-8") as file:
        (track,) = csv.DictReader(file)
    assert (track["first"], track["last"]) == ("000000.png", "000005.png")


def test_an_empty_gallery_is_one_line(folders: tuple[Path, Path], tmp_path: Path) -> None:
    done = run(folders[1], "--gallery", tmp_path, "--out", tmp_path / "out", "--quiet")
    assert isinstance(done.exception, UsageError)
    assert "no face in 0 gallery images" in str(done.exception)


def test_calibrating_needs_people(folders: tuple[Path, Path], tmp_path: Path) -> None:
    words = ["calibrate", "identity", str(folders[0]), "--upscalers", "bicubic", "--quiet"]
    done = CliRunner().invoke(
        cli, [*words, "--out", str(tmp_path / "t.json")], standalone_mode=False
    )
    assert isinstance(done.exception, UsageError)
    assert "2 people with a face" in str(done.exception)
