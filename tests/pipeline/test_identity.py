import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

from data.boxes import Box
from data.errors import UsageError
from data.images.files import load_rgb
from pipeline.detection.registry import load_detector
from pipeline.identity.identity import Gallery, Identifier, load_embedder
from pipeline.identity.thresholds import Calibration, Row

TABLE = Calibration((Row("bicubic", 20, 0.01, 0.6, 1000, 0.9, 100),))


def largest(path: Path) -> tuple[np.ndarray, Box]:
    rgb = load_rgb(path)
    return rgb, max((f.box for f in load_detector("hog")(rgb, 1)), key=lambda box: box.area)


@pytest.fixture(scope="module")
def folder(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("gallery")
    for person, name in (("Barack Obama", "obama.jpg"), ("Joe Biden", "biden.jpg")):
        (root / person / "press").mkdir(parents=True)
        shutil.copy(samples / name, root / person / "press")
    shutil.copy(samples / "obama.jpg", root / "loose.jpg")
    (root / "Joe Biden" / "broken.jpg").write_bytes(b"not a picture")
    (root / "Joe Biden" / "notes.txt").write_text("not meant as a picture")
    blank = np.full((64, 64, 3), 128, np.uint8)
    from PIL import Image

    Image.fromarray(blank).save(root / "Joe Biden" / "wall.png")
    return root


@pytest.fixture(scope="module")
def gallery(folder: Path) -> Gallery:
    return Gallery.from_folder(folder)


@pytest.mark.parametrize("name", ["obama.jpg", "biden.jpg", "biden2.jpg", "solvay16.png"])
def test_embeddings_are_those_of_face_recognition(samples: Path, name: str) -> None:
    import face_recognition

    rgb = load_rgb(samples / name)
    boxes = [face.box for face in load_detector("hog")(rgb, 1)]
    css = [tuple(map(round, (b.top, b.right, b.bottom, b.left))) for b in boxes]
    theirs = face_recognition.face_encodings(rgb, css, model="small")
    assert len(theirs) == len(boxes) > 0
    for box, expected in zip(boxes, theirs, strict=True):
        ours = load_embedder().embed(rgb, box)
        assert ours.shape == (128,)
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, expected, atol=1e-6)
        flipped = np.ascontiguousarray(rgb[:, ::-1])
        both = load_embedder().embed_each([rgb, flipped], box)
        np.testing.assert_allclose(both[0], ours, atol=1e-5)
        np.testing.assert_allclose(both[1], load_embedder().embed(flipped, box), atol=1e-5)


def test_a_box_without_area_has_no_embedding(samples: Path) -> None:
    with pytest.raises(ValueError, match="without area"):
        load_embedder().embed(load_rgb(samples / "obama.jpg"), Box(3, 3, 3, 9))


def test_a_gallery_lists_what_it_skipped_and_why(gallery: Gallery) -> None:
    assert gallery.people == ("Barack Obama", "Joe Biden")
    reasons = {skipped.path.name: skipped.reason for skipped in gallery.skipped}
    assert reasons.keys() == {"loose.jpg", "broken.jpg", "wall.png"}
    assert reasons["loose.jpg"] == "not in the folder of a person"
    assert reasons["wall.png"] == "no face found"
    assert "picture" in reasons["broken.jpg"]


def test_progress_counts_every_picture(folder: Path) -> None:
    calls: list[tuple[int, int]] = []
    Gallery.from_folder(folder, lambda done, of: calls.append((done, of)))
    assert calls == [(i, 5) for i in range(1, 6)]


def test_another_picture_of_a_person_is_closest_to_that_person(
    gallery: Gallery, samples: Path
) -> None:
    match = gallery.closest(load_embedder().embed(*largest(samples / "biden2.jpg")))
    assert match.identity == "Joe Biden"
    assert 0.2 < match.distance < 0.6


@pytest.mark.parametrize("content", [[], ["someone/wall.txt"]])
def test_a_gallery_without_a_face_is_refused(tmp_path: Path, content: list[str]) -> None:
    for name in content:
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    with pytest.raises(UsageError, match="no face in 0 gallery pictures"):
        Gallery.from_folder(tmp_path)
    with pytest.raises(UsageError, match="one folder per person"):
        Gallery.from_folder(tmp_path / "absent")


def test_a_gallery_of_broken_pictures_names_the_first(tmp_path: Path) -> None:
    (tmp_path / "A").mkdir()
    (tmp_path / "A" / "x.jpg").write_bytes(b"")
    with pytest.raises(UsageError, match=r"x\.jpg: the file is empty"):
        Gallery.from_folder(tmp_path)


@pytest.mark.parametrize(
    ("upscaler", "face_px", "threshold", "accepted"),
    [("bicubic", 100.0, 0.6, True), ("bicubic", 5.0, None, None), ("other", 100.0, None, None)],
)
def test_a_verdict_needs_a_calibrated_threshold(
    gallery: Gallery, samples: Path, upscaler: str, face_px: float, threshold: float | None,
    accepted: bool | None,
) -> None:  # fmt: skip
    identifier = Identifier(gallery, TABLE, upscaler)
    result = identifier(*largest(samples / "biden2.jpg"), face_px)
    assert result.identity == "Joe Biden"
    assert (result.threshold, result.accepted) == (threshold, accepted)
    assert ("not calibrated" in result.note) == (accepted is None)


def test_a_distance_above_the_threshold_is_not_accepted(gallery: Gallery, samples: Path) -> None:
    strict = Calibration((Row("bicubic", 20, 0.01, 0.1, 1000, 0.9, 100),))
    assert (
        Identifier(gallery, strict, "bicubic")(*largest(samples / "biden2.jpg"), 50).accepted
        is False
    )


def test_an_identifier_survives_pickling_and_describes_itself(
    gallery: Gallery, samples: Path
) -> None:
    identifier = Identifier(gallery, TABLE, "bicubic")
    face = largest(samples / "biden2.jpg")
    again = pickle.loads(pickle.dumps(identifier))
    assert again(*face, 50) == identifier(*face, 50)
    assert again.describe() == identifier.describe()
    other = Gallery(gallery.identities, gallery.embeddings + 1)
    assert Identifier(other, TABLE, "bicubic").describe() != identifier.describe()


def test_a_gallery_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="2 identities"):
        Gallery(("a", "b"), np.zeros((1, 128), np.float32))
