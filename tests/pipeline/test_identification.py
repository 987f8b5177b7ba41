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
    assert "5 pictures, 5 faces: 3 accepted, 1 rejected, 1 not calibrated" in text
    assert "closest is right 75.0%" in text
    assert "not evidence of identity" in text


def test_without_known_people_there_is_no_score() -> None:
    found = score([answer("a", None, True)])
    assert (found.n, found.rank_1) == (0, None)
    assert "closest is right" not in identification_text([answer("a", None, True)], 1)
    assert identification_text([], 2).startswith("2 pictures, 0 faces")


@pytest.fixture(scope="module")
def folders(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("identify")
    gallery, probes = root / "people", root / "probes"
    for person, name in (("Barack Obama", "obama.jpg"), ("Joe Biden", "biden.jpg")):
        (gallery / person).mkdir(parents=True)
        shutil.copy(samples / name, gallery / person)
    (probes / "Joe Biden").mkdir(parents=True)
    with Image.open(samples / "biden2.jpg") as picture:
        small = picture.resize((picture.width // 5, picture.height // 5), Image.Resampling.BICUBIC)
        small.save(probes / "Joe Biden" / "small.png")
    (probes / "broken.jpg").write_bytes(b"")
    return gallery, probes


def run(*words: object) -> Result:
    return CliRunner().invoke(cli, ["identify", *map(str, words)], standalone_mode=False)


def test_the_command_names_a_person_and_survives_a_broken_probe(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    gallery, probes = folders
    words = ("--gallery", gallery, "--out", tmp_path, "--upscaler", "bicubic", "--quiet")
    done = run(probes, *words, "--json")
    assert done.exception is None
    assert done.return_value == 1
    document = json.loads(done.stdout)
    (named,) = document["answers"]
    assert (named["image"], named["identity"]) == ("Joe Biden/small.png", "Joe Biden")
    assert named["verdict"] == "accepted"
    assert named["distance"] <= named["threshold"]
    assert document["score"]["rank_1"] == 1
    assert document["summary"]["counts"]["error"] == 1
    strict = run(probes, *words, "--far", "0.001", "--resume")
    assert isinstance(strict.exception, UsageError)  # other settings, no resume


def test_an_empty_gallery_is_one_line(folders: tuple[Path, Path], tmp_path: Path) -> None:
    done = run(folders[1], "--gallery", tmp_path, "--out", tmp_path / "out", "--quiet")
    assert isinstance(done.exception, UsageError)
    assert "no face in 0 gallery pictures" in str(done.exception)
