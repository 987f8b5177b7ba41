"""Faces on stdout: one JSON document, a line of JSON an image, a line of CSV a face."""

import csv
import io
import json
from pathlib import Path

import pytest

from tests.pipeline.conftest import Run


@pytest.mark.parametrize("words", [("--json",), ("--format", "jsonl"), ("--format", "csv")])
def test_the_faces_go_to_stdout(
    run: Run, lr_folder: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    out = tmp_path / "out"
    options = ("--detector", "hog", "--upscaler", "bicubic", "--limit", "3", "--no-images")
    done = run("detect", lr_folder, "--out", out, *options, "--quiet", *words)
    assert done.exit_code == 0, done.output
    with (out / "detections.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if words[-1] == "csv":
        assert list(csv.DictReader(io.StringIO(done.stdout))) == rows
        return
    if words[-1] == "jsonl":
        images = [json.loads(line) for line in done.stdout.splitlines()]
    else:
        document = json.loads(done.stdout)
        images = document["images"]
        assert document["counts"]["images"] == 3
    assert [image["image"] for image in images] == list(dict.fromkeys(r["image"] for r in rows))
    faces = [face for image in images for face in image["faces"]]
    found = [row for row in rows if row["left"]]
    assert faces, "the faces of the samples are found"
    assert [face["left"] for face in faces] == [float(row["left"]) for row in found]
    assert all(isinstance(face["face"], int) for face in faces)
