"""Weights, models and ground truth are known by their content, not by their name."""

import json
from pathlib import Path

import torch

from gflmser.load import card_of
from gflmser.network import GFLmser
from gflmser.weights import save_weights
from tests.hostile.conftest import Run
from tests.hostile.test_names_cannot_hurt import NARROW

VOC = (
    "<annotation><filename>a.png</filename><object><name>face</name><bndbox><xmin>5</xmin>"
    "<ymin>5</ymin><xmax>35</xmax><ymax>35</ymax></bndbox></object></annotation>"
)


def weights(folder: Path, seed: int) -> Path:
    torch.manual_seed(seed)
    return save_weights(GFLmser(NARROW), card_of("w", NARROW), folder)


def test_resume_with_other_weights_of_the_name_is_refused(run: Run, photos: Path) -> None:
    file = weights(photos.parent, 1)
    out = photos.parent / "out"
    words = ("upscale", photos, "--out", out, "--upscaler", file, "--quiet", "--workers", 0)
    assert run(*words, "--limit", 2).exit_code == 0
    models = json.loads((out / "summary.json").read_text())["input"]["models"]
    assert len(models["upscaler w.safetensors"]) == 64
    assert run(*words, "--limit", 3, "--resume").exit_code == 0
    weights(photos.parent, 2)
    done = run(*words, "--resume")
    assert done.exit_code == 2
    assert "models" in str(done.exception)


def test_resume_with_other_ground_truth_is_refused(run: Run, photos: Path) -> None:
    truth = photos.parent / "truth.csv"
    truth.write_text("image,left,top,right,bottom\na.png,5,5,35,35\n")
    words = ("compare", photos, "--out", photos.parent / "out", "--upscalers", "bicubic")
    more = ("--truth", truth, "--quiet", "--workers", 0)
    assert run(*words, *more).exit_code == 0
    truth.write_text("image,left,top,right,bottom\na.png,1,1,35,35\n")
    done = run(*words, *more, "--resume")
    assert done.exit_code == 2
    assert "models" in str(done.exception)


def test_resume_with_other_pairs_or_annotations_is_refused(run: Run, photos: Path) -> None:
    pairs, truth = photos.parent / "pairs.csv", photos.parent / "voc"
    truth.mkdir()
    (truth / "a.xml").write_text(VOC)
    pairs.write_text("a,b,same\na.png,b.png,1\na.png,c.png,0\n")
    words = ("compare", photos, "--out", photos.parent / "out", "--upscalers", "bicubic")
    more = ("--truth", truth, "--pairs", pairs, "--quiet", "--workers", 0)
    assert run(*words, *more).exit_code == 0
    summary = json.loads((photos.parent / "out" / "summary.json").read_text())
    models = summary["input"]["models"]
    assert {len(models[name]) for name in ("pairs", "ground truth")} == {64}
    assert any(name.startswith("embedder ") for name in models)
    for file in (pairs, truth / "a.xml"):
        before = file.read_text()
        file.write_text(before + "\n")
        done = run(*words, *more, "--resume")
        assert done.exit_code == 2
        assert "models" in str(done.exception)
        file.write_text(before)
    assert run(*words, *more, "--resume").exit_code == 0


def test_what_is_not_read_is_not_hashed(run: Run, photos: Path) -> None:
    out = photos.parent / "out"
    assert run("degrade", photos, "--out", out, "--quiet", "--workers", 0).exit_code == 0
    assert json.loads((out / "summary.json").read_text())["input"]["models"] == {}
