"""One bad box, line or column is a word about its image, never the end of a run."""

import csv
import json
from pathlib import Path

import pytest
from PIL import Image

from pipeline.identity.answers import read_answers
from tests.hostile.conftest import Run

HEADER = "image,status,face,left,top,right,bottom,score,width,height,error\n"
FOUND = "".join(f"{name},one,0,5,5,35,35,0.9,40,40,\n" for name in ("a.png", "b.png", "c.png"))


def voc(name: str, right: int) -> str:
    """An annotation of one face whose right edge is `right`, of an image of 40x40."""
    return (
        f"<annotation><filename>{name}</filename>"
        "<size><width>40</width><height>40</height><depth>3</depth></size>"
        f"<object><name>face</name><bndbox><xmin>{right - 34}</xmin><ymin>6</ymin>"
        f"<xmax>{right}</xmax><ymax>35</ymax></bndbox></object></annotation>"
    )


def coco(rights: dict[str, int]) -> str:
    images = [
        {"id": i, "file_name": name, "width": 40, "height": 40} for i, name in enumerate(rights)
    ]
    boxes = [
        {"id": i, "image_id": i, "category_id": 1, "bbox": [right - 35, 5, 35, 30]}
        for i, right in enumerate(rights.values())
    ]
    return json.dumps({"images": images, "annotations": boxes, "categories": []})


def written(folder: Path, kind: str, rights: dict[str, int]) -> Path:
    """Annotations of one face each, in one of the formats."""
    if kind == "voc":
        (folder / "voc").mkdir()
        for name, right in rights.items():
            (folder / "voc" / f"{Path(name).stem}.xml").write_text(voc(name, right))
        return folder / "voc"
    path = folder / f"truth.{kind}"
    if kind == "coco":
        path.write_text(coco(rights))
        return path
    if kind == "wider":
        path.write_text("".join(f"{n}\n1\n{r - 35} 5 35 30\n" for n, r in rights.items()))
        return path
    sized = kind == "csv"
    lines = ["image,left,top,right,bottom" + (",width,height" if sized else "")]
    lines += [f"{n},{r - 35},5,{r},35" + (",40,40" if sized else "") for n, r in rights.items()]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("kind", ["voc", "coco", "csv", "bare.csv", "wider"])
def test_a_box_outside_its_image_is_a_word_about_that_image(
    run: Run, tmp_path: Path, kind: str
) -> None:
    (tmp_path / "p.csv").write_text(HEADER + FOUND)
    truth = written(tmp_path, kind, {"a.png": 35, "b.png": 41, "c.png": 400})
    words = ("evaluate", "--predictions", tmp_path / "p.csv", "--truth", truth)
    done = run(*words)
    assert done.exit_code == 0, done.exception
    assert "left out: c.png: " in done.stdout
    assert "lies outside the image of 40 x 40" in done.stdout
    document = json.loads(run(*words, "--json").stdout)
    assert (document["counts"]["images"], document["counts"]["matched"]) == (2, 2)
    assert list(document["damaged_truth"]) == ["c.png"]


def test_compare_makes_it_an_error_row(run: Run, photos: Path) -> None:
    truth = written(photos.parent, "csv", {"a.png": 35, "b.png": 41, "c.png": 400})
    out = photos.parent / "out"
    words = ("--upscalers", "bicubic", "--truth", truth, "--quiet", "--workers", 0)
    done = run("compare", photos, "--out", out, *words)
    assert done.exit_code == 1
    assert done.stderr.count("error: c.png: ground truth: ") == 1
    assert json.loads((out / "summary.json").read_text())["rows"][0]["n"] == 2


def test_a_manifest_box_a_pixel_too_large_is_clipped_and_one_outside_is_a_row(
    run: Run, photos: Path
) -> None:
    (photos / "list.csv").write_text(
        "image,left,top,right,bottom\na.png,0,0,41,41\nb.png,-1,-1,40,40\nc.png,50,50,90,90\n"
    )
    out = photos.parent / "out"
    words = ("--upscaler", "bicubic", "--quiet", "--workers", 0)
    done = run("upscale", photos / "list.csv", "--out", out, *words)
    assert done.exit_code == 1
    assert "c.png: box (50, 50, 90, 90) reaches outside the 40x40 image" in done.stdout
    for name in ("a.png", "b.png"):
        with Image.open(out / name) as made:
            assert made.size == (160, 160)


DETECTIONS = "image,face,identity,distance,threshold,accepted\n"


def test_answers_are_scored_by_the_identity_of_the_manifest(tmp_path: Path) -> None:
    table = tmp_path / "detections.csv"
    rows = ("p1.jpg", "p2.jpg", "Ann/p3.jpg", "Ann/p4.jpg", "v.mp4/000025.png")
    table.write_text(DETECTIONS + "".join(f"{name},0,Ann,0.4,,\n" for name in rows))
    said = {"p1.jpg": "Ann", "p2.jpg": "Bob", "Ann/p3.jpg": "Bob", "v.mp4": "Ann", "x": "Eve"}
    answers = list(read_answers(table, ["Ann", "Bob"], said))
    assert [answer.right for answer in answers] == [True, False, False, True, True]
    assert [answer.truth for answer in read_answers(table, ["Ann"])] == [
        *(None, None, "Ann", "Ann", None),
    ]


def test_identify_reads_the_column_identity(run: Run, samples: Path, tmp_path: Path) -> None:
    for person, name in (("Obama", "obama.jpg"), ("Biden", "biden.jpg")):
        (tmp_path / "people" / person).mkdir(parents=True)
        (tmp_path / "people" / person / name).write_bytes((samples / name).read_bytes())
    (tmp_path / "p1.jpg").write_bytes((samples / "biden2.jpg").read_bytes())
    (tmp_path / "list.csv").write_text("image,identity\np1.jpg,Biden\n")
    words = ("--gallery", tmp_path / "people", "--out", tmp_path / "out", "--upscaler", "bicubic")
    done = run("identify", tmp_path / "list.csv", *words, "--workers", 0, "--quiet", "--json")
    assert done.exit_code == 0, done.exception
    assert json.loads(done.stdout)["score"] == {
        **json.loads(done.stdout)["score"],
        **{"n": 1, "rank_1": 1.0},
    }
    assert "gallery image" not in done.stderr
    with (tmp_path / "out" / "detections.csv").open(newline="", encoding="utf-8") as file:
        assert [row["identity"] for row in csv.DictReader(file) if row["face"]] == ["Biden"]
