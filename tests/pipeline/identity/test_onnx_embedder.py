"""A user's own embedder: a tiny ONNX file made here, with its card."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from data.boxes import Box
from data.errors import ModelError, UsageError
from data.images.files import load_rgb
from pipeline.cli import cli
from pipeline.identity.calibrate import known_of, probes_of
from pipeline.identity.calibration_run import fingerprints
from pipeline.identity.embedders.likeness import likeness_of
from pipeline.identity.embedders.loading import find_embedder
from pipeline.identity.embedding import Face
from pipeline.identity.faces_of_people import largest_face
from pipeline.identity.gallery import Gallery
from pipeline.identity.labelled import Subject
from pipeline.jobs.detect_to_folder import identifier_for
from pipeline.upscalers.loading import load_upscaler

SIZE, NUMBERS = 112, 24


@pytest.fixture(scope="module")
def onnx_bytes() -> bytes:
    """Means of 16x16 blocks, weighted by random numbers: `(N, 3, 112, 112)` to `(N, 24)`."""
    helper = pytest.importorskip("onnx.helper")
    from onnx import TensorProto, numpy_helper

    weights = np.random.default_rng(0).standard_normal((147, NUMBERS)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("AveragePool", ["x"], ["p"], kernel_shape=[16, 16], strides=[16, 16]),
            helper.make_node("Flatten", ["p"], ["f"]),
            helper.make_node("MatMul", ["f", "w"], ["y"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, SIZE, SIZE])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", NUMBERS])],
        [numpy_helper.from_array(weights, "w")],
    )
    opsets = [helper.make_opsetid("", 17)]
    model: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    return model


@pytest.fixture
def write(onnx_bytes: bytes, tmp_path: Path) -> Callable[..., Path]:
    """Write file and card into a folder, the card changed by what is given."""

    def written(name: str = "tiny", content: bytes | None = None, **changes: object) -> Path:
        path = tmp_path / f"{name}.onnx"
        path.write_bytes(onnx_bytes if content is None else content)
        card: dict[str, Any] = {
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "size": SIZE,
            "channels": "rgb",
            "mean": 127.5,
            "scale": 1 / 127.5,
            "distance": "cosine",
            "dimension": NUMBERS,
        }
        kept = {k: v for k, v in (card | changes).items() if v is not None}
        path.with_suffix(".json").write_text(json.dumps(kept))
        return path

    return written


@pytest.fixture
def people(samples: Path, tmp_path: Path) -> Path:
    for person, name in (("Barack Obama", "obama.jpg"), ("Joe Biden", "biden.jpg")):
        (tmp_path / "people" / person).mkdir(parents=True)
        shutil.copy(samples / name, tmp_path / "people" / person)
    return tmp_path / "people"


def face_of(path: Path) -> Face:
    face = largest_face(load_rgb(path))
    assert face is not None
    return face


def test_embeddings_have_the_size_of_the_card_and_length_one(
    write: Callable[..., Path], samples: Path
) -> None:
    embedder = find_embedder(str(write()))
    rows = embedder.faces([face_of(samples / "obama.jpg"), face_of(samples / "biden.jpg")])
    assert rows.shape == (2, NUMBERS)
    assert embedder.size == NUMBERS
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    assert np.linalg.norm(rows[0] - rows[1]) > 0.01


def test_euclidean_embeddings_are_those_of_the_network(
    write: Callable[..., Path], samples: Path
) -> None:
    embedder = find_embedder(str(write(distance="euclidean")))
    rgb = load_rgb(samples / "obama.jpg")
    row = embedder.embed_each([rgb], face_of(samples / "obama.jpg").box)[0]
    assert abs(np.linalg.norm(row) - 1) > 0.01
    alike = likeness_of(str(write(distance="euclidean"))).similarities(
        row[None], np.stack([row, row + 0.1]), None, None
    )
    np.testing.assert_allclose(alike, [[10, 10 - 5 * 0.1 * NUMBERS**0.5]], atol=1e-4)


def test_channels_and_mean_are_those_of_the_card(write: Callable[..., Path], samples: Path) -> None:
    face = face_of(samples / "obama.jpg")
    rgb = face.rgb
    swapped = Face(np.ascontiguousarray(rgb[..., ::-1]), face.box, face.landmarks)
    plain = find_embedder(str(write("a", distance="euclidean")))
    turned = find_embedder(str(write("b", distance="euclidean", channels="bgr")))
    np.testing.assert_allclose(plain.faces([face]), turned.faces([swapped]), atol=1e-4)
    dark = find_embedder(str(write("c", distance="euclidean", mean=[127.5, 0.0, 127.5])))
    assert np.abs(plain.faces([face]) - dark.faces([face])).max() > 0.1
    assert len({one.fingerprint for one in (plain, turned, dark)}) == 3


def test_a_model_of_fixed_batch_is_run_face_by_face(
    write: Callable[..., Path], onnx_bytes: bytes, samples: Path
) -> None:
    import onnx

    model = onnx.load_from_string(onnx_bytes)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    one = find_embedder(str(write("fixed", model.SerializeToString())))
    many = find_embedder(str(write("free")))
    faces = [face_of(samples / name) for name in ("obama.jpg", "biden.jpg")]
    np.testing.assert_allclose(one.faces(faces), many.faces(faces), atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sha256": "0" * 64}, "is not the file of its card"),
        ({"sha256": "short"}, "sha256 must be 64"),
        ({"size": None}, "size missing"),
        ({"size": 96}, "does not take its input"),
        ({"size": 5}, "size must be 16 to 1024"),
        ({"size": "112"}, "size must be 16 to 1024"),
        ({"channels": "grey"}, "channels must be rgb or bgr"),
        ({"mean": [1, 2]}, "mean must be 3 numbers"),
        ({"mean": "dark"}, "mean must be 3 numbers"),
        ({"scale": 0}, "scale must be a positive number"),
        ({"scale": [1]}, "scale must be 1 number"),
        ({"distance": "hamming"}, "distance must be cosine or euclidean"),
        ({"dimension": 25}, "its card (1, 25)"),
        ({"dimension": 1e9}, "dimension must be 2 to"),
        ({"landmarks": [[1, 2]]}, "landmarks must be five points"),
        ({"landmarks": [[1, 2]] * 4 + [[1]]}, "a landmark must be 2 numbers"),
        ({"colour": "red"}, "unknown: colour"),
        ({"content": b"no model"}, "cannot be opened by onnxruntime"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_said_on_one_line(
    write: Callable[..., Path], changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ModelError, match="tiny") as caught:
        find_embedder(str(write(**changes)))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_files_and_other_names_are_said(write: Callable[..., Path]) -> None:
    path = write()
    path.with_suffix(".json").unlink()
    with pytest.raises(ModelError, match=r"needs a card: tiny\.json with sha256, size"):
        find_embedder(str(path))
    path.with_suffix(".json").write_text("[]")
    with pytest.raises(ModelError, match="not the card of an embedder: not an object"):
        find_embedder(str(path))
    gone = write("gone")
    gone.unlink()
    with pytest.raises(ModelError, match="No such file"):
        find_embedder(str(gone))
    with pytest.raises(ModelError, match=r"an embedder is dlib or an \.onnx file"):
        find_embedder("arcface")


def test_identify_gives_no_name_until_rules_are_measured(
    write: Callable[..., Path], people: Path, samples: Path, tmp_path: Path
) -> None:
    words = ["identify", str(samples / "biden2.jpg"), "--gallery", str(people)]
    words += ["--out", str(tmp_path / "out"), "--embedder", str(write()), "--workers", "0"]
    done = CliRunner().invoke(cli, [*words, "--json"], standalone_mode=False)
    assert done.exception is None, done.exception
    (answer,) = json.loads(done.stdout)["answers"]
    assert answer["reason"] == "not calibrated"
    assert not answer["name"]
    evidence = json.loads((tmp_path / "out" / "evidence.json").read_text())
    files = {one["file"] for one in evidence["models"] if one["role"] == "embedder"}
    assert {"tiny.onnx", "tiny.json"} <= files


def test_the_reason_names_the_embedder(write: Callable[..., Path], people: Path) -> None:
    path = str(write())
    gallery = Gallery.from_folder(people, embedder=path)
    assert gallery.embeddings.shape == (2, NUMBERS)
    identifier = identifier_for(gallery, "bicubic")
    found = identifier.table.find(
        "bicubic", identifier.fingerprints["bicubic"], face_px=11, degradation="clean", people=2
    )
    mark = find_embedder(path).fingerprint
    assert found.note == f"not calibrated for this embedder ({mark}): `calibrate identity` does it"
    assert fingerprints("bicubic", path).cohort == "plain cosine, above the next nine"


def test_tracks_need_the_network_that_links_them(
    write: Callable[..., Path], people: Path, samples: Path, tmp_path: Path
) -> None:
    from pipeline.jobs.choose import detect_job

    identifier = identifier_for(Gallery.from_folder(people, embedder=str(write())), "bicubic")
    with pytest.raises(UsageError, match="leave out --tracks or --embedder"):
        detect_job(tmp_path, detector="auto", tracks=True, identifier=identifier)


def test_a_box_without_area_is_no_face(write: Callable[..., Path], samples: Path) -> None:
    with pytest.raises(ValueError, match="without area"):
        find_embedder(str(write())).embed_each([load_rgb(samples / "obama.jpg")], Box(3, 3, 3, 9))


def test_calibration_embeds_probes_and_gallery_by_it(
    write: Callable[..., Path], samples: Path
) -> None:
    path = str(write())
    embedder, likeness = find_embedder(path), likeness_of(path)
    people = [Subject(name, name, face_of(samples / name)) for name in ("obama.jpg", "biden.jpg")]
    bicubic = load_upscaler("bicubic")
    known = known_of(people, bicubic, likeness, likeness.view("bicubic", 18), embedder)
    probes = probes_of(people, bicubic, 18, kinds=["clean"], embedder=embedder)
    assert known.embeddings.shape == probes.embeddings.shape == (2, NUMBERS)
    assert known.seen is None
    alike = likeness.similarities(probes.embeddings, known.embeddings, None, None)
    assert alike.argmax(1).tolist() == [0, 1]


def test_compare_verifies_pairs_by_it(
    write: Callable[..., Path], samples: Path, tmp_path: Path
) -> None:
    for name in ("obama.jpg", "biden.jpg", "biden2.jpg"):
        (tmp_path / "in").mkdir(exist_ok=True)
        shutil.copy(samples / name, tmp_path / "in")
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("a,b,same\nbiden.jpg,biden2.jpg,1\nbiden2.jpg,obama.jpg,0\n")
    words = ["compare", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--pairs", str(pairs)]
    words += ["--upscalers", "bicubic", "--embedder", str(write()), "--json", "--quiet"]
    done = CliRunner().invoke(cli, words, standalone_mode=False)
    assert done.exception is None, done.exception
    document = json.loads(done.stdout)
    assert document["protocol"]["embedder"].endswith("tiny.onnx")
    assert document["rows"][0]["verification_auc"] is not None
