"""evidence.json and its replay: what was changed is found, whatever was changed."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from click.testing import Result
from PIL import Image

from data.images.files import load_rgb
from pipeline.evidence.compare_files import agreement
from pipeline.evidence.hashes import file_sha256, image_sha256
from pipeline.evidence.marks import WORDS
from pipeline.evidence.schema import SCHEMA_FILE

Run = Callable[..., Result]


@pytest.fixture
def made(run: Run, lr_folder: Path, tmp_path: Path) -> Path:
    """A bicubic run over copies of the small faces; `tmp_path/in` holds its inputs."""
    shutil.copytree(lr_folder, tmp_path / "in")
    words = ("upscale", tmp_path / "in", "--out", tmp_path / "out", "--upscaler", "bicubic")
    assert run(*words, "--note", "case 7", "--quiet").exit_code == 0
    return tmp_path / "out"


def flip(file: Path, *, at: int = -20) -> None:
    """Change one bit of a file."""
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(bytes(content))


def test_the_file_follows_its_published_schema(made: Path, tmp_path: Path) -> None:
    evidence = json.loads((made / "evidence.json").read_text(encoding="utf-8"))
    jsonschema.validate(evidence, json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))
    assert evidence["note"] == "case 7"
    assert evidence["run"]["command"] == "upscale"
    assert "--upscaler=bicubic" in evidence["run"]["options"]
    assert [step["step"] for step in evidence["steps"]] == ["read", "upscale", "write"]
    first = evidence["inputs"][0]
    file = tmp_path / "in" / first["key"]
    assert first["sha256"] == file_sha256(file)
    assert first["image_sha256"] == image_sha256(load_rgb(file))
    outputs = {entry["path"]: entry["sha256"] for entry in evidence["outputs"]}
    assert outputs[first["output"]] == file_sha256(made / first["output"])
    assert "pictures.csv" in outputs
    assert not {"evidence.json", "report.html", "journal.sqlite"} & outputs.keys()


def test_an_untouched_run_agrees_bit_by_bit(run: Run, made: Path) -> None:
    done = run("replay", made, "--json")
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    images = len(list(made.rglob("*.png")))
    assert result["agrees"]
    assert result["bitwise"] == images + 1, "every image and the table"
    assert result["within_tolerance"] == 0


def test_inputs_may_lie_elsewhere(run: Run, made: Path, tmp_path: Path) -> None:
    shutil.move(tmp_path / "in", tmp_path / "archive")
    gone = run("replay", made)
    assert gone.exit_code == 1
    assert "gone" in gone.output
    assert run("replay", made, "--inputs", tmp_path / "archive").exit_code == 0


def test_a_changed_input_is_found(run: Run, made: Path, tmp_path: Path) -> None:
    file = sorted((tmp_path / "in").rglob("*.png"))[3]
    flip(file)
    done = run("replay", made)
    assert done.exit_code == 1
    assert f"input {file}" in done.output


@pytest.mark.parametrize("name", ["pictures.csv", "summary.json", "*.png"])
def test_a_changed_output_is_found(run: Run, made: Path, name: str) -> None:
    file = next(iter(sorted(made.rglob(name))))
    flip(file)
    done = run("replay", made)
    assert done.exit_code == 1
    assert f"output {file.relative_to(made).as_posix()}" in done.output


def test_an_output_with_a_forged_hash_is_found(run: Run, made: Path) -> None:
    """Whoever changes an image and its hash still cannot change what the command makes."""
    file = next(iter(sorted(made.rglob("*.png"))))
    before = file_sha256(file)
    rgb = load_rgb(file).copy()
    rgb[0, 0] ^= 64
    Image.fromarray(rgb).save(file)
    evidence = made / "evidence.json"
    text = evidence.read_text(encoding="utf-8")
    evidence.write_text(text.replace(before, file_sha256(file)), encoding="utf-8")
    done = run("replay", made)
    assert done.exit_code == 1
    assert "DIFFERS: replay" in done.output


@pytest.mark.parametrize("relative", [False, True])
def test_a_changed_weight_is_found(
    run: Run, lr_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, relative: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    shipped = Path(__file__).resolve().parents[3] / "data" / "weights" / "gflmser.safetensors"
    weights = tmp_path / "mine.safetensors"
    shutil.copy(shipped, weights)
    face = next(iter(sorted(lr_folder.rglob("*.png"))))
    out = tmp_path / "out"
    named = weights.name if relative else weights
    words = ("upscale", face, "--out", out, "--upscaler", named, "--quiet")
    assert run(*words).exit_code == 0
    assert run("replay", out, "--quiet").exit_code == 0
    flip(weights)
    done = run("replay", out)
    assert done.exit_code == 1
    assert "DIFFERS: model upscaler" in done.output
    assert "sha256 is" in done.output


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "cannot be read"),
        ("[]", "is not object"),
        ('{"schema": "sr-pipeline/evidence/1"}', "lacks 'notice'"),
    ],
)
def test_a_broken_file_is_one_line(run: Run, tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "evidence.json").write_text(text, encoding="utf-8")
    done = run("replay", tmp_path)
    assert done.exit_code == 2
    assert words in str(done.exception)


def test_restored_images_say_so(made: Path) -> None:
    for file in made.rglob("*.png"):
        with Image.open(file) as image:
            assert image.info["Comment"] == WORDS
            assert WORDS in image.info["XML:com.adobe.xmp"]
            assert "dc:description" in image.info["XML:com.adobe.xmp"]


def test_the_mark_stands_below_the_image(
    run: Run, made: Path, lr_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "marked"
    words = ("upscale", lr_folder, "--out", out, "--upscaler", "bicubic", "--mark", "--quiet")
    assert run(*words).exit_code == 0
    for file in out.rglob("*.png"):
        plain, marked = load_rgb(made / file.relative_to(out)), load_rgb(file)
        assert marked.shape[0] > plain.shape[0]
        assert np.array_equal(marked[: plain.shape[0]], plain), "no pixel is covered"


def test_images_of_another_device_agree_within_two_grey_levels(
    lr_folder: Path, tmp_path: Path
) -> None:
    file = next(iter(sorted(lr_folder.rglob("*.png"))))
    rgb = np.clip(load_rgb(file), 8, 247)
    names = [tmp_path / f"{step}.png" for step in (0, 2, 3)]
    for name, step in zip(names, (0, 2, 3), strict=True):
        Image.fromarray((rgb + step).astype(np.uint8)).save(name)
    assert agreement(names[0], names[1]) is None
    assert agreement(names[0], names[2]) == "a pixel differs by 3 grey levels"


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ("image,left\na.png,10.0\n", "image,left\na.png,10.4\n", None),
        ("image,left\na.png,10.0\n", "image,left\na.png,10.6\n", "line 2, left: 10.0 became 10.6"),
        ("image,score\na.png,2.0\n", "image,score\na.png,2.01\n", None),
        ("image,identity\na.png,Ann\n", "image,identity\na.png,Bo\n", "line 2, identity"),
        ("image\na.png\nb.png\n", "image\na.png\n", "line 3 is in one table only"),
    ],
)
def test_tables_of_another_device(tmp_path: Path, before: str, after: str, why: str | None) -> None:
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    one.write_text(before, encoding="utf-8")
    two.write_text(after, encoding="utf-8")
    found = agreement(one, two)
    assert found is None if why is None else why in str(found)
