import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from data.annotations.annotations import Truth
from data.boxes import Box
from data.errors import TruthError, UsageError
from pipeline.cli import cli
from pipeline.evaluation.evaluate import Evaluation, evaluate, judge
from pipeline.evaluation.predictions import read_predictions
from pipeline.metrics.matching import EDGES, SIZES, Prediction, size_of

HEADER = "image,status,face,left,top,right,bottom,score,width,height,error\n"
FACE = Box(10, 10, 30, 30)
NEAR = Box(10, 10, 30, 26)  # IoU 0.8
LOOSE = Box(10, 10, 30, 18)  # IoU 0.4
AWAY = Box(60, 60, 90, 90)


def found(*boxes: Box, size: tuple[float, float] | None = (100, 100)) -> Prediction:
    return Prediction(boxes, tuple(1.0 for _ in boxes), size)


def figure(result: Evaluation, name: str, size: str = "all", iou: float = 0.5) -> float:
    rows = result.summary
    return float(rows[(rows["size"] == size) & (rows["iou"] == iou)][name].item())


def test_figures_of_a_set_counted_by_hand() -> None:
    result = judge(
        {
            "hit": found(NEAR, AWAY),
            "loose": found(LOOSE),
            "miss": found(),
            "wrong": found(AWAY),
            "nobody": found(AWAY),
            "broken": Prediction(error="damaged"),
        },
        Truth(dict.fromkeys(("hit", "loose", "miss", "wrong", "broken"), (FACE,)) | {"nobody": ()}),
    )
    assert result.headline["iou_all"] == pytest.approx((0.8 + 0.4) / 5)
    assert result.headline["iou_hit"] == pytest.approx((0.8 + 0.4) / 3)
    assert result.headline["accuracy"] == pytest.approx(1 / 5)
    assert result.headline["found"] == pytest.approx(3 / 5)
    assert figure(result, "recall", iou=0.3) == pytest.approx(2 / 5)
    assert figure(result, "recall", iou=0.5) == pytest.approx(1 / 5)
    assert figure(result, "precision", iou=0.3) == pytest.approx(2 / 5)
    assert figure(result, "precision", iou=0.5) == pytest.approx(1 / 5)
    counts = result.counts
    assert (counts.images, counts.images_with_faces, counts.errors) == (6, 5, 1)
    assert (counts.faces, counts.boxes, counts.matched, counts.false_boxes) == (5, 5, 1, 4)
    assert result.errors == {"broken": "damaged"}


def test_frames_hold_one_row_per_image_face_and_box() -> None:
    result = judge({"a": found(NEAR, AWAY), "b": found()}, Truth({"a": (FACE,), "b": (AWAY, FACE)}))
    assert result.images["image"].tolist() == ["a", "b"]
    assert result.images["false_0.5"].tolist() == [1, 0]
    assert result.images["face_px"].tolist() == [20, 30]
    assert result.faces[["image", "iou", "matched_0.5"]].to_numpy().tolist() == [
        ["a", pytest.approx(0.8), True], ["b", 0.0, False], ["b", 0.0, False],
    ]  # fmt: skip
    assert result.boxes["right_0.5"].tolist() == [True, False]


def test_figures_per_image_are_those_of_its_largest_face() -> None:
    small = Box(70, 70, 78, 78)
    one = judge({"a": found(small)}, Truth({"a": (small, FACE)}))
    assert (one.headline["iou_all"], one.headline["found"], one.headline["accuracy"]) == (0, 1, 0)
    assert figure(one, "recall") == 0.5


def test_boxes_on_ignored_regions_are_neither_right_nor_wrong() -> None:
    truth = Truth({"a": (FACE,)}, ignored={"a": (AWAY,)})
    result = judge({"a": found(NEAR, Box(60, 60, 90, 80), Box(0, 60, 70, 90))}, truth)
    assert figure(result, "precision") == 0.5  # the third box is mostly outside the region
    assert result.counts.false_boxes == 1
    assert result.images["ignored_0.5"].tolist() == [1]
    assert judge({"a": found(AWAY)}, truth).headline["found"] == 0
    assert judge({"a": found(Box(0, 60, 70, 90))}, truth).headline["found"] == 1


@pytest.mark.parametrize(
    ("width", "name"),
    [(0, "<12"), (11.9, "<12"), (12, "12-16"), (23.9, "16-24"), (79, "48-80"), (80, ">=80")],
)
def test_a_bin_holds_its_lower_edge(width: float, name: str) -> None:
    assert size_of(width) == name
    assert len(SIZES) == len(EDGES) + 1


def test_recall_is_by_annotated_and_precision_by_found_width() -> None:
    faces = {f"i{w}": (Box(0, 0, w, w),) for w in (10, 14, 20)}
    boxes = {"i10": found(Box(0, 0, 13, 13)), "i14": found(), "i20": found(Box(0, 0, 20, 20))}
    result = judge(boxes, Truth(faces))
    assert [figure(result, "recall", s) for s in ("<12", "12-16", "16-24")] == [1, 0, 1]
    assert figure(result, "precision", "12-16") == 1
    assert np.isnan(figure(result, "precision", "<12"))
    assert np.isnan(figure(result, "recall", ">=80"))


def test_sizes_add_up_to_the_whole() -> None:
    rng = np.random.default_rng(0)
    truth, predictions = {}, {}
    for i in range(40):
        corner, side = rng.uniform(0, 50, (3, 2)), rng.uniform(5, 100, (3, 1))
        boxes = [Box(x, y, x + s, y + s) for (x, y), (s,) in zip(corner, side, strict=True)]
        truth[f"{i}"] = tuple(boxes)
        moved = [b.shifted(*rng.normal(0, 4, 2)) for b in boxes[: rng.integers(0, 4)]]
        predictions[f"{i}"] = found(*moved, size=None)
    result = judge(predictions, Truth(truth))
    for _, rows in result.summary.groupby("iou"):
        whole, parts = rows[rows["size"] == "all"], rows[rows["size"] != "all"]
        for name in ("faces", "matched", "boxes", "false_boxes"):
            assert whole[name].item() == parts[name].sum()
        assert (rows["recall_lo"] <= rows["recall"]).all()
        assert (rows["recall"] <= rows["recall_hi"]).all()


def test_intervals_narrow_with_images_and_follow_the_seed() -> None:
    def run(n: int, seed: int = 0) -> Evaluation:
        predictions = {f"{i}": found(NEAR) if i % 3 else found() for i in range(n)}
        return judge(predictions, Truth(dict.fromkeys(predictions, (FACE,))), seed=seed)

    few, many = run(30), run(600)
    widths = [r.headline["accuracy_hi"] - r.headline["accuracy_lo"] for r in (few, many)]
    expected = [2 * 1.96 * np.sqrt(2 / 9 / n) for n in (30, 600)]
    assert widths == pytest.approx(expected, rel=0.25)
    assert run(600).headline == many.headline != run(600, seed=1).headline


@settings(deadline=None, max_examples=25)
@given(
    st.dictionaries(st.sampled_from("abcdef"), st.sampled_from([(), (NEAR,), (LOOSE, AWAY)])),
    st.dictionaries(st.sampled_from("abcdef"), st.sampled_from([(), (FACE,), (FACE, AWAY)])),
)
def test_any_overlap_is_strict_json_and_every_image_is_accounted_for(
    boxes: dict[str, tuple[Box, ...]], faces: dict[str, tuple[Box, ...]]
) -> None:
    predictions = {key: found(*value) for key, value in boxes.items()}
    if not boxes.keys() & faces.keys():
        with pytest.raises(UsageError, match="no image is in both"):
            judge(predictions, Truth(faces))
        return
    result = judge(predictions, Truth(faces))
    document = json.loads(json.dumps(result.as_json(), allow_nan=False))
    counts = document["counts"]
    assert counts["images"] + counts["without_truth"] == len(boxes)
    assert counts["images"] + counts["without_predictions"] == len(faces)
    assert set(document["without_truth"]) == boxes.keys() - faces.keys()
    assert set(document["without_predictions"]) == faces.keys() - boxes.keys()
    for row in document["rows"]:
        for name in ("recall", "precision"):
            low, value, high = (row[f"{name}{end}"] for end in ("_lo", "", "_hi"))
            assert value is None or 0 <= low <= value <= high <= 1
    assert result.as_text().startswith(f"{counts['images']} images")


OUTSIDE = r"'a': the box 60, 60, 90, 90 lies outside the image of 50 x 50"


def test_a_face_outside_the_image_that_was_searched_is_a_word_about_it() -> None:
    predictions = {"a": found(size=(50, 50)), "b": found(NEAR), "c": found(FACE)}
    truth = Truth({"a": (AWAY,), "b": (FACE,)}, damaged={"c": "line 3: outside"})
    result = judge(predictions, truth)
    assert (result.counts.images, result.counts.damaged_truth) == (1, 2)
    assert (result.counts.without_truth, result.counts.without_predictions) == (0, 0)
    assert re.search(OUTSIDE, result.damaged_truth["a"])
    assert "left out: c: line 3: outside" in result.as_text()
    assert result.as_json()["damaged_truth"] == result.damaged_truth


def test_where_every_annotation_is_damaged_the_first_says_why() -> None:
    with pytest.raises(TruthError, match=OUTSIDE):
        judge({"a": found(size=(50, 50))}, Truth({"a": (AWAY,)}))


def test_predictions_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "detections.csv"
    path.write_text(
        HEADER + "NA,many,0,1,2,3,4,0.5,64,48,\nNA,many,1,5,6,7,8.5,,64,48,\n"
        '"b, c.png",none,,,,,,,64,48,\nd,error,,,,,,,,,damaged\n',
        encoding="utf-8",
    )
    assert read_predictions(path) == {
        "NA": Prediction((Box(1, 2, 3, 4), Box(5, 6, 7, 8.5)), (0.5, None), (64, 48)),
        "b, c.png": Prediction(size=(64, 48)),
        "d": Prediction(error="damaged"),
    }


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "no column image"),
        ("image,left,top\n", "no column right, bottom"),
        (HEADER, "no image"),
        (HEADER + "a,one\n", "line 2: 2 cells"),
        (HEADER + "a,one,0,x,2,3,4,1,9,9,\n", "line 2: left is not a number: 'x'"),
        (HEADER + "a,one,0,9,2,3,4,1,9,9,\n", "line 2: the corners of the box are swapped"),
        (HEADER + ",one,0,1,2,3,4,1,9,9,\n", "line 2: no name"),
        (HEADER + '"a,one', "line 2"),
        ("\udcff", "not UTF-8"),
    ],
)
def test_a_broken_predictions_file_is_one_line(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "detections.csv"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(UsageError) as caught:
        read_predictions(path)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    predictions, truth = tmp_path / "detections.csv", tmp_path / "truth.csv"
    predictions.write_text(
        HEADER + "sub/a.jpg,one,0,10,10,30,26,1,100,100,\nx.jpg,none,,,,,,,100,100,\n"
    )
    truth.write_text(
        "image,left,top,right,bottom,class\na.jpg,10,10,30,30,face\na.jpg,60,60,90,90,dog\n"
        "missing.jpg,1,1,9,9,face\n"
    )
    return predictions, truth


def run(*words: object) -> Result:
    return CliRunner().invoke(cli, ["evaluate", *map(str, words)], standalone_mode=False)


def test_the_command_prints_a_table_or_json(files: tuple[Path, Path]) -> None:
    words = ("--predictions", files[0], "--truth", files[1])
    done = run(*words)
    assert done.exception is None
    lines = done.stdout.splitlines()
    assert lines[0].startswith("1 images, 1 with faces")
    assert any(line.startswith("16-24") and "1.000" in line for line in lines)
    assert "1 images have no ground truth (left out): x.jpg." in lines
    assert "1 annotated images were not searched (left out): missing.jpg." in lines
    document = json.loads(run(*words, "--json").stdout)
    assert document["counts"]["faces"] == 2
    chosen = json.loads(run(*words, "--truth-class", "face", "--json").stdout)
    assert (chosen["counts"]["faces"], chosen["headline"]["iou_all"]) == (1, pytest.approx(0.8))


def test_the_command_refuses_what_cannot_be_compared(files: tuple[Path, Path]) -> None:
    files[1].write_text("image,left,top,right,bottom\nother.png,1,2,3,4\n")
    done = run("--predictions", files[0], "--truth", files[1])
    assert isinstance(done.exception, UsageError)
    assert "'sub/a.jpg'" in str(done.exception)
    assert "'other.png'" in str(done.exception)
    forced = run("--predictions", files[0], "--truth", files[1], "--truth-format", "coco")
    assert isinstance(forced.exception, TruthError)


@pytest.mark.shared
def test_annotated_boxes_judged_by_themselves_are_perfect(
    shared_data: Path, tmp_path: Path
) -> None:
    from data.annotations.annotations import read_truth

    annotations = shared_data / "crowd_voc" / "annotations"
    truth = read_truth(annotations)
    rows = [
        f"images/{key},many,{i},{b.left},{b.top},{b.right},{b.bottom},1,{w:g},{h:g},"
        for key, boxes in truth.items()
        for w, h in [truth.sizes[key]]
        for i, b in enumerate(boxes)
    ]
    path = tmp_path / "detections.csv"
    path.write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")
    result = evaluate(path, annotations, classes=frozenset({"without_mask"}))
    assert figure(result, "recall") == figure(result, "precision") == 1
    assert result.counts.faces == 434
    assert (result.images["iou"].dropna() == 1).all()
