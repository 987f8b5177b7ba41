import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.annotations.annotations import Truth, read_truth
from data.annotations.registry import found_format
from data.boxes import Box
from data.errors import TruthError

A, B = Box(10, 20, 40, 60), Box(50, 5, 70, 30)

CSV = "image,left,top,right,bottom\nx/a.png,10,20,40,60\nx/a.png,50,5,70,30\nempty.png,,,,\n"
STRETCHED = (
    "file,x0,y0,x1,y1,orig_w,orig_h\nx/a.png,10.0,20.0,40,60,1024,819\n"
    "x/a.png,50,5,70,30,1024,819\nx/a.png,3,3,3,3,1024,819\nempty.png,,,,,,\n"
)
DLIB = """<?xml version='1.0' encoding='ISO-8859-1'?>
<dataset><images>
  <image file='x\\a.png' width='100' height='80'>
    <box top='20' left='10' width='30' height='40'><label>face</label></box>
    <box top='5' left='50' width='20' height='25'/>
    <box top='50' left='50' width='20' height='25' ignore='1'/>
  </image>
  <image file='empty.png'/>
</images></dataset>"""
WIDER = """x/a.png
3
10 20 30 40 0 0 0 0 0 0
50 5 20 25 0 0 0 0 0 0
50 50 20 25 0 0 0 1 0 0
empty.png
0
0 0 0 0 0 0 0 0 0 0
"""
COCO = {
    "images": [
        {"id": 1, "file_name": "x/a.png", "width": 100, "height": 80},
        {"id": 2, "file_name": "empty.png", "width": 100, "height": 80},
    ],
    "categories": [{"id": 7, "name": "face"}],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 7, "bbox": [10, 20, 30, 40]},
        {"id": 2, "image_id": 1, "category_id": 7, "bbox": [50, 5, 20, 25]},
        {"id": 3, "image_id": 1, "category_id": 7, "bbox": [50, 50, 20, 25], "iscrowd": 1},
    ],
}


def voc(
    filename: str, objects: Sequence[tuple[str, tuple[int, ...]]], size: tuple[int, int] = (100, 80)
) -> str:
    boxes = "".join(
        f"<object><name>{name}</name><difficult>0</difficult><bndbox><xmin>{x0}</xmin>"
        f"<ymin>{y0}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"
        for name, (x0, y0, x1, y1) in objects
    )
    return (
        f"<annotation><folder>any</folder><filename>{filename}</filename><size><width>{size[0]}"
        f"</width><height>{size[1]}</height><depth>3</depth></size>{boxes}</annotation>"
    )


def write(folder: Path, content: str, name: str = "truth") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("format", "content", "ignored"),
    [
        ("csv", CSV, 0),
        ("csv", "\ufeff" + CSV.replace("\n", "\r\n"), 0),
        ("csv", STRETCHED, 0),
        ("dlib", DLIB, 1),
        ("wider", WIDER, 1),
        ("coco", json.dumps(COCO), 1),
    ],
    ids=["csv", "csv of a spreadsheet", "stretched csv", "dlib", "wider", "coco"],
)
def test_every_format_gives_the_same_truth(
    tmp_path: Path, format: str, content: str, ignored: int
) -> None:
    path = write(tmp_path, content)
    assert found_format(path) == format
    truth = read_truth(path)
    assert dict(truth) == {"x/a.png": (A, B), "empty.png": ()}
    assert sum(map(len, truth.ignored.values())) == ignored
    assert read_truth(path, format=format) == truth


def test_voc_counts_from_one_in_a_folder_and_in_a_file(tmp_path: Path) -> None:
    write(tmp_path, voc("a.png", [("face", (11, 21, 40, 60))]), "set/x/a.xml")
    write(tmp_path, voc("empty.png", []), "set/empty.xml")
    assert dict(read_truth(tmp_path / "set")) == {"x/a.png": (A,), "empty.png": ()}
    assert dict(read_truth(tmp_path / "set/x/a.xml")) == {"a.png": (A,)}


def test_voc_set_that_counts_from_zero_is_taken_as_written(tmp_path: Path) -> None:
    write(tmp_path, voc("a.png", [("face", (10, 20, 40, 60))]), "a.xml")
    write(tmp_path, voc("b.png", [("face", (0, 5, 20, 30))]), "b.xml")
    assert dict(read_truth(tmp_path)) == {"a.png": (A,), "b.png": (Box(0, 5, 20, 30),)}


def test_voc_reads_what_supervision_reads(tmp_path: Path, samples: Path) -> None:
    import supervision as sv

    image = (samples / "obama.jpg").read_bytes()
    for name in ("one", "two"):
        (tmp_path / f"{name}.jpg").write_bytes(image)
        objects = [("mask", (11, 21, 40, 60)), ("none", (3, 4, 90, 80))]
        write(tmp_path, voc(f"{name}.jpg", objects), f"{name}.xml")
    theirs = sv.DetectionDataset.from_pascal_voc(str(tmp_path), str(tmp_path))
    ours = read_truth(tmp_path)
    assert {Path(k).name: v.xyxy.tolist() for k, v in theirs.annotations.items()} == {
        key: [[b.left, b.top, b.right, b.bottom] for b in boxes] for key, boxes in ours.items()
    }


def test_coco_reads_what_supervision_reads(tmp_path: Path) -> None:
    import supervision as sv

    path = write(tmp_path, json.dumps(COCO | {"annotations": COCO["annotations"][:2]}), "a.json")
    theirs = sv.DetectionDataset.from_coco(str(tmp_path), str(path))
    ours = read_truth(path)
    assert {
        Path(key).relative_to(tmp_path.resolve()).as_posix(): found.xyxy.tolist()
        for key, found in theirs.annotations.items()
    } == {key: [[b.left, b.top, b.right, b.bottom] for b in boxes] for key, boxes in ours.items()}


def test_classes_choose_faces_and_the_others_become_ignored(tmp_path: Path) -> None:
    objects = [("mask", (11, 21, 40, 60)), ("none", (51, 6, 70, 30))]
    path = write(tmp_path, voc("a.png", objects), "a.xml")
    truth = read_truth(path, classes=frozenset({"none"}))
    assert (truth["a.png"], truth.ignored["a.png"]) == ((B,), (A,))
    with pytest.raises(TruthError, match=r"no class 'nome'; it has mask, none"):
        read_truth(path, classes=frozenset({"nome"}))


def test_csv_and_dlib_have_classes_wider_has_none(tmp_path: Path) -> None:
    table = "image,left,top,right,bottom,class\na.png,10,20,40,60,cat\na.png,50,5,70,30,face\n"
    assert read_truth(write(tmp_path, table), classes=frozenset({"face"}))["a.png"] == (B,)
    chosen = read_truth(write(tmp_path, DLIB), classes=frozenset({"face"}))
    assert chosen["x/a.png"] == (A,)
    with pytest.raises(TruthError, match="no classes"):
        read_truth(write(tmp_path, WIDER), classes=frozenset({"face"}))


def test_a_box_a_little_past_the_edge_is_clipped(tmp_path: Path) -> None:
    table = "image,left,top,right,bottom,width,height\na.png,-2,20,40,90,100,80\n"
    assert read_truth(write(tmp_path, table))["a.png"] == (Box(0, 20, 40, 80),)


def test_a_box_outside_its_image_damages_that_image_alone(tmp_path: Path) -> None:
    table = "image,left,top,right,bottom,width,height\n" + (
        "x/a.png,10,20,30,60,64,64\nx/a.png,80,2,90,4,64,64\ny/b.png,1,2,30,40,64,64\n"
    )
    truth = read_truth(write(tmp_path, table))
    assert dict(truth) == {"y/b.png": (Box(1, 2, 30, 40),)}
    assert truth.pair(["a.png", "b.png"]) == {"b.png": "y/b.png"}
    (fault,) = truth.faults(["a.png", "b.png"]).items()
    assert fault[0] == "a.png"
    assert fault[1].endswith("line 3: the box 80, 2, 90, 4 lies outside the image of 64 x 64")


def test_an_ignored_box_outside_its_image_is_left_out(tmp_path: Path) -> None:
    content = DLIB_OUTSIDE
    assert dict(read_truth(write(tmp_path, content))) == {"a.png": (Box(1, 2, 21, 32),)}


def test_boxes_without_area_are_counted_and_left_out(tmp_path: Path) -> None:
    truth = read_truth(write(tmp_path, STRETCHED))
    assert (truth.empty, len(truth["x/a.png"])) == (1, 2)


DLIB_OUTSIDE = (
    "<dataset><images><image file='a.png' width='64' height='64'>"
    "<box top='2' left='1' width='20' height='30'/>"
    "<box top='200' left='1' width='20' height='30' ignore='1'/></image></images></dataset>"
)
BOX = "image,left,top,right,bottom\n"
SIZED = "image,left,top,right,bottom,width,height\n"
NO_BOX = {"images": [{"id": 1, "file_name": "a"}], "annotations": [{"image_id": 1}]}
LOST = {"images": [], "annotations": [{"image_id": 4, "bbox": [1, 2, 3, 4]}]}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("image,left,top,right\na,1,2,3\n", "line 1: no column bottom"),
        ("left,top,right,bottom\n1,2,3,4\n", "line 1: no column image"),
        (BOX + "a,1,2,3,4\nb,1,2,three,4\n", "line 3: right is not a number: 'three'"),
        (BOX + "a,1,2,nan,4\n", "line 2: right is not a number"),
        (BOX + "a,1,2,3\n", "line 2: 4 cells where the header has 5"),
        (BOX + 'a,1,2,3,4\n"b,1,2,3,4\n', "line 3"),
        (BOX + "a,1,2,,4\n", "line 2: right is not a number"),
        (BOX + ",1,2,3,4\n", "line 2: no name of an image"),
        (BOX + "a,9,2,3,4\n", "line 2: swapped corners: 9, 2, 3, 4"),
        (BOX + "a,-9,2,-3,4\n", "line 2: the box -9, 2, -3, 4 lies outside"),
        (SIZED + "b,80,2,90,4,64,64\n", "line 2: the box 80, 2, 90, 4 lies outside"),
        (SIZED + "a,10,10,9999,9999,64,64\n", "lies outside the image of 64 x 64"),
        (SIZED + "a,1,2,3,4,0,64\n", "line 2: an image of 0 x 64 pixels"),
        (BOX, "no annotated image"),
        ("", "none of the formats"),
        ("hello\nthere\n", "none of the formats"),
        ("<dataset><images><image file='a'>", "broken XML"),
        ("<svg/>", "neither Pascal VOC"),
        ("<dataset><image file='a'><box top='1' left='2' width='3'/></image></dataset>", "box 1: "),
        ("<dataset><image/></dataset>", "image 1: no attribute file"),
        ("<annotation><object/></annotation>", "object 1: no <bndbox>"),
        ("<annotation><size><width>9</width></size></annotation>", "no <height>"),
        (voc("a", [("f", (10, 10, 20, 20)), ("f", (30, 9, 5, 40))]), "object 2: swapped corners"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><dataset>&a;</dataset>', "entities"),
        ("a.png\n2\n1 2 3 4\n", "line 1: 2 boxes announced"),
        ("a.png\n1\n1 2 3\n", "line 3: a box has at least 4 numbers"),
        ("a.png\n1\n1 2 3 4\nb.png\nc.png\n", "line 5: no number of boxes after 'b.png'"),
        ('{"images": [', "line 1: broken JSON"),
        ("[1]", "not a COCO file"),
        ('{"images": 3}', "no list images"),
        (json.dumps(NO_BOX), "annotations[0]: no bbox"),
        (json.dumps(LOST), "annotations[0]: image_id 4 is not among the images"),
        ('{"images": [{"id": 1, "file_name": "a"}, 5], "annotations": []}', "images[1]: not an ob"),
        ('{"images": [{"id": [1], "file_name": "a"}], "annotations": []}', "images[0]: id is neit"),
    ],
)
def test_a_broken_file_is_named_with_the_place_on_one_line(
    tmp_path: Path, content: str, says: str
) -> None:
    path = write(tmp_path, content)
    with pytest.raises(TruthError) as caught:
        read_truth(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert says in message
    assert "\n" not in message


@given(content=st.one_of(st.text(), st.binary()))
def test_any_content_is_truth_or_truth_error(
    tmp_path_factory: pytest.TempPathFactory, content: str | bytes
) -> None:
    path = tmp_path_factory.mktemp("any") / "file"
    data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    path.write_bytes(data)
    for format in (None, "csv", "dlib", "wider", "voc", "coco"):
        try:
            assert isinstance(read_truth(path, format=format), Truth)
        except TruthError as error:
            assert len(str(error).splitlines()) == 1


def test_missing_file_and_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(TruthError, match="no such file"):
        read_truth(tmp_path / "nothing.csv")
    with pytest.raises(TruthError, match=r"no \*\.xml"):
        read_truth(tmp_path)
    with pytest.raises(TruthError, match="directory"):
        read_truth(tmp_path, format="csv")


@pytest.mark.parametrize(
    ("ours", "theirs", "paired"),
    [
        (["a/1.jpg"], ["a/1.jpg"], {"a/1.jpg": "a/1.jpg"}),
        (["a/1.jpg"], ["./a/1.jpg"], {"./a/1.jpg": "a/1.jpg"}),
        (["1.jpg"], ["deep/er/1.jpg"], {"deep/er/1.jpg": "1.jpg"}),
        (["a/1.jpg"], ["a/1.png"], {"a/1.png": "a/1.jpg"}),
        (["a/1.jpg"], ["a/1.jpg", "b/1.jpg"], {"a/1.jpg": "a/1.jpg"}),
        (["a/1.jpg", "b/1.jpg"], ["1.jpg"], {}),
        (["a/1.jpg"], ["x/1.jpg", "y/1.jpg"], {}),
        (["1.jpg", "1.png"], ["o/1.png", "o/1.jpg"], {"o/1.png": "1.png", "o/1.jpg": "1.jpg"}),
        (["1.jpg"], ["2.jpg"], {}),
    ],
    ids=[
        "equal", "dot", "name", "stem", "taken", "ours doubtful", "theirs doubtful", "name first",
        "strangers",
    ],
)  # fmt: skip
def test_images_are_paired_by_name_and_never_by_guess(
    ours: list[str], theirs: list[str], paired: dict[str, str]
) -> None:
    assert Truth(dict.fromkeys(ours, ())).pair(theirs) == paired


def test_find_answers_for_one_image() -> None:
    truth = Truth({"a/1.jpg": (A,), "a/2.jpg": ()})
    assert truth.find("other/1.png") == "a/1.jpg"
    assert truth.find("3.jpg") is None


@pytest.mark.shared
def test_shared_sets_have_their_known_numbers(shared_data: Path) -> None:
    crowd = read_truth(shared_data / "crowd_voc" / "annotations")
    bare = read_truth(
        shared_data / "crowd_voc" / "annotations", classes=frozenset({"without_mask"})
    )
    dlib = read_truth(shared_data / "dlib_faces" / "testing.xml")
    counts = [(len(t), sum(map(len, t.values())), t.empty) for t in (crowd, bare, dlib)]
    assert counts[:2] == [(160, 1177, 0), (160, 434, 0)]
    assert set(dlib) <= {p.name for p in (shared_data / "dlib_faces").iterdir()}
