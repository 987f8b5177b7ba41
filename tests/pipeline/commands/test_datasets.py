"""From a copy to a cache by the command, and nobody of the test set in it."""

import json
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from data.prepared import DatasetImage
from pipeline.commands.datasets import command
from pipeline.environment.dlib_models import model_file
from pipeline.identity.dlib_in_torch import FaceNet, embed


def run(*words: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(command, [str(w) for w in words], standalone_mode=False)
    if result.exception is not None:
        return 2, str(result.exception)
    return int(result.return_value or 0), result.output


def test_check_says_what_is_wrong_and_exits_1(samples: Path) -> None:
    code, text = run("check", "lfw", samples)
    assert code == 1
    assert "images" in text
    code, text = run("check", "lfw", samples, "--json")
    found = json.loads(text)
    assert (code, found["dataset"]) == (1, "lfw")
    assert found["problems"]


def test_an_unknown_dataset_is_one_line(samples: Path) -> None:
    code, text = run("check", "lwf", samples)
    assert (code, text) == (2, "no dataset called 'lwf'; the nearest is 'lfw'")


def test_prepare_takes_the_listed_images(samples: Path, tmp_path: Path) -> None:
    listing = tmp_path / "list.csv"
    listing.write_text("image,identity\nobama.jpg,barack\nbiden.jpg,joe\n")
    code, text = run(
        "prepare", "folder", samples, "--out", tmp_path / "c", "--side", "48", "--list", listing
    )
    assert code == 0
    assert "2 images" in text
    assert json.loads((tmp_path / "c" / "cache.json").read_text())["side"] == 48
    index = (tmp_path / "c" / "index.csv").read_text().splitlines()
    assert [line.split(",")[1] for line in index] == ["identity", "barack", "joe"]


def test_corners_are_taken_in_place_of_images(samples: Path, tmp_path: Path) -> None:
    listing = tmp_path / "list.csv"
    listing.write_text("image\nobama.jpg\n")
    words = ("--side", "40", "--corners", "40", "--list", listing)
    code, _ = run("prepare", "folder", samples, "--out", tmp_path / "c", *words)
    assert code == 0
    images = np.load(tmp_path / "c" / "images.npy")
    with Image.open(samples / "obama.jpg") as opened:
        whole = np.asarray(opened.convert("RGB"))
    assert len(images) == 4
    assert np.array_equal(images[0], whole[:40, :40])
    assert np.array_equal(images[3], whole[-40:, -40:])


@pytest.mark.parametrize(("name", "marked"), [("lfw", True), ("folder", None)])
def test_caches_of_test_sets_are_marked(
    samples: Path, tmp_path: Path, name: str, marked: bool | None
) -> None:
    assert run("prepare", name, samples, "--out", tmp_path, "--side", "16")[0] == 0
    assert json.loads((tmp_path / "cache.json").read_text()).get("test_only") is marked


def test_a_listed_image_that_is_not_there_is_named(samples: Path, tmp_path: Path) -> None:
    listing = tmp_path / "list.csv"
    listing.write_text("image\nnobody.jpg\n")
    code, text = run("prepare", "folder", samples, "--out", tmp_path / "c", "--list", listing)
    assert code == 2
    assert "list.csv:2: 'nobody.jpg' is not in the dataset" in text


def test_people_of_the_test_set_are_left_out(samples: Path, tmp_path: Path) -> None:
    """biden.jpg and biden2.jpg are two photographs of one man; obama.jpg is another."""
    listing, test = tmp_path / "train.csv", tmp_path / "test.csv"
    listing.write_text("image\nobama.jpg\nbiden.jpg\n")
    test.write_text("image\nbiden2.jpg\n")
    words = ["prepare", "folder", samples, "--out", tmp_path / "c", "--list", listing]
    code, text = run(*words, "--away-from", samples, "--away-list", test)
    assert code == 0
    assert "1 left out" in text
    excluded = (tmp_path / "c" / "excluded.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in excluded] == ["image", "biden.jpg"]


def test_embeddings_are_dlibs(samples: Path) -> None:
    dlib = pytest.importorskip("dlib")
    net = dlib.face_recognition_model_v1(str(model_file("embedding")))
    chips = []
    for name in ("obama.jpg", "biden.jpg"):
        with Image.open(samples / name) as image:
            face = image.convert("RGB").crop((100, 20, 400, 320)).resize((150, 150))
        chips.append(np.asarray(face))
    expected = np.array(net.compute_face_descriptor([np.ascontiguousarray(c) for c in chips]))
    faces = torch.from_numpy(np.stack(chips)).permute(0, 3, 1, 2)
    ours = FaceNet()
    np.testing.assert_allclose(ours(faces).numpy(), expected, atol=1e-5)
    with ThreadPoolExecutor(4) as pool:  # one network, shared by threads
        for made in pool.map(ours, [faces] * 16):
            np.testing.assert_allclose(made.numpy(), expected, atol=1e-5)


def test_an_image_without_a_face_is_embedded_too() -> None:
    file = BytesIO()
    Image.new("RGB", (100, 100), "gray").save(file, "PNG")
    keys, vectors = embed([DatasetImage("flat", "", file.getvalue)])
    assert (keys, vectors.shape) == (["flat"], (1, 128))
    assert np.isfinite(vectors).all()


def test_several_datasets_become_one_with_seeded_subsets(samples: Path, tmp_path: Path) -> None:
    words = ["prepare", "folder", samples, "div2k", samples, "--limit", "2", "--limit", "1"]
    for seed, out in ((1, "a"), (1, "b"), (2, "c")):
        code, text = run(*words, "--seed", str(seed), "--out", tmp_path / out, "--side", "16")
        assert code == 0, text
        assert "3 images" in text
    a, b, c = ((tmp_path / out / "index.csv").read_text() for out in "abc")
    assert a == b != c
    assert [line.split("/")[0] for line in a.splitlines()[1:]] == ["folder", "folder", "div2k"]
    assert json.loads((tmp_path / "a" / "cache.json").read_text())["name"] == "folder+div2k"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["folder"], "NAME and a PATH"),
        (["folder", "SAMPLES", "folder", "SAMPLES"], "named twice"),
        (["folder", "SAMPLES", "celeba", "SAMPLES"], "different heights"),
        (["folder", "SAMPLES", "--limit", "1", "--limit", "1"], "2 times --limit"),
        (["folder", "SAMPLES/nowhere"], "not a folder"),
    ],
)
def test_sets_that_cannot_be_joined_say_why(
    words: list[str], message: str, samples: Path, tmp_path: Path
) -> None:
    told = [word.replace("SAMPLES", str(samples)) for word in words]
    code, text = run("prepare", *told, "--out", tmp_path)
    assert code == 2
    assert message in text
