import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.errors import UsageError
from data.images.files import load_rgb
from pipeline.identity.cohorts import load_cohorts
from pipeline.identity.embedding import Face, load_embedder
from pipeline.identity.faces_of_people import largest_face
from pipeline.identity.gallery import Gallery
from pipeline.identity.identifier import Identifier, Probe
from pipeline.identity.labelled import far_away
from pipeline.identity.thresholds import Fingerprints, Provenance, Rule, Table
from pipeline.identity.views import embed_enlarged, views_of
from pipeline.upscalers.loading import load_upscaler

PRINTS = Fingerprints(None, "e", "c")
RULE = Rule("bicubic", 20, "clean", 1, 100, 0.01, 1.0, 0.1, 300, 0.4, 0.01)


def table(**others: object) -> Table:
    origin = Provenance("data", "command", "commit", "2026-01-01", PRINTS)
    return Table((replace(RULE, **others),), {"bicubic": origin})  # type: ignore[arg-type]


def largest(path: Path) -> Face:
    face = largest_face(load_rgb(path))
    assert face is not None
    return face


@pytest.fixture(scope="module")
def folder(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("gallery")
    for person, name in (("Barack Obama", "obama.jpg"), ("Joe Biden", "biden.jpg")):
        (root / person / "press").mkdir(parents=True)
        shutil.copy(samples / name, root / person / "press")
    shutil.copy(samples / "obama.jpg", root / "loose.jpg")
    (root / "Joe Biden" / "broken.jpg").write_bytes(b"not an image")
    (root / "Joe Biden" / "notes.txt").write_text("not meant as an image")
    Image.fromarray(np.full((64, 64, 3), 128, np.uint8)).save(root / "Joe Biden" / "wall.png")
    return root


@pytest.fixture(scope="module")
def gallery(folder: Path) -> Gallery:
    return Gallery.from_folder(folder)


@pytest.fixture(scope="module")
def probe(samples: Path) -> Probe:
    face = largest(samples / "biden2.jpg")
    return Probe(load_embedder().faces([face])[0], 50.0, "clean")


def test_a_gallery_lists_what_it_skipped_and_why(gallery: Gallery) -> None:
    assert gallery.people == ("Barack Obama", "Joe Biden")
    reasons = {skipped.path.name: skipped.reason for skipped in gallery.skipped}
    assert reasons.keys() == {"loose.jpg", "broken.jpg", "wall.png"}
    assert reasons["loose.jpg"] == "not in the folder of a person"
    assert reasons["wall.png"] == "no face found"
    assert "image" in reasons["broken.jpg"]


def test_progress_counts_every_image(folder: Path) -> None:
    calls: list[tuple[int, int]] = []
    Gallery.from_folder(folder, lambda done, of: calls.append((done, of)))
    assert calls == [(i, 5) for i in range(1, 6)]


def test_the_folder_may_be_text(samples: Path, tmp_path: Path) -> None:
    (tmp_path / "Joe Biden").mkdir()
    shutil.copy(samples / "biden.jpg", tmp_path / "Joe Biden")
    assert Gallery.from_folder(str(tmp_path)).people == ("Joe Biden",)


def test_images_of_a_person_are_averaged_and_one_face_under_two_names_is_told(
    samples: Path, tmp_path: Path
) -> None:
    for person, name in (("a", "biden.jpg"), ("a", "biden2.jpg"), ("b", "biden.jpg")):
        (tmp_path / person).mkdir(exist_ok=True)
        shutil.copy(samples / name, tmp_path / person)
    found = Gallery.from_folder(tmp_path)
    both = [load_embedder().faces([largest(samples / n)])[0] for n in ("biden.jpg", "biden2.jpg")]
    np.testing.assert_allclose(found.embeddings[0], np.mean(both, axis=0), atol=1e-5)
    (note,) = found.notes
    assert "the same face under two names" in note


def test_a_person_of_poor_images_is_never_a_name(
    samples: Path, tmp_path: Path, probe: Probe
) -> None:
    (tmp_path / "Joe Biden").mkdir()
    with Image.open(samples / "biden.jpg") as image:
        small = image.resize((image.width // 10, image.height // 10), Image.Resampling.BICUBIC)
        small.resize(image.size, Image.Resampling.BICUBIC).save(tmp_path / "Joe Biden" / "up.png")
    found = Gallery.from_folder(tmp_path)
    assert found.poor == {"Joe Biden"}
    assert "too poor: blurred, enlarged or restored" in found.skipped[0].reason
    answer = Identifier(found, table(margin=0.0), {"bicubic": PRINTS})(probe, "bicubic")
    assert (answer.identity, answer.name) == ("Joe Biden", "")
    assert answer.reason == "gallery image too poor"
    trusted = Gallery.from_folder(tmp_path, accept_poor=True)
    lenient = table(margin=0.0, similarity=-9.0)
    answer = Identifier(trusted, lenient, {"bicubic": PRINTS})(probe, "bicubic")
    assert (answer.name, answer.reason, answer.margin) == ("Joe Biden", "", None)


@pytest.mark.parametrize("content", [[], ["someone/wall.txt"]])
def test_a_gallery_without_a_face_is_refused(tmp_path: Path, content: list[str]) -> None:
    for name in content:
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    with pytest.raises(UsageError, match="no face in 0 gallery images"):
        Gallery.from_folder(tmp_path)
    with pytest.raises(UsageError, match="one folder per person"):
        Gallery.from_folder(tmp_path / "absent")


def test_a_gallery_of_broken_images_names_the_first(tmp_path: Path) -> None:
    (tmp_path / "A").mkdir()
    (tmp_path / "A" / "x.jpg").write_bytes(b"")
    with pytest.raises(UsageError, match=r"x\.jpg: the file is empty"):
        Gallery.from_folder(tmp_path)


@pytest.mark.parametrize(
    ("rule", "changed", "accepted", "reason"),
    [
        ({}, {}, True, ""),
        ({"similarity": 99.0}, {}, False, "too unlike anyone"),
        ({"margin": 99.0}, {}, False, "too close to another"),
        ({}, {"face_px": 5.0}, None, "too small"),
        ({}, {"degradation": "noisy"}, None, "too degraded"),
        ({"tpir": 0.02}, {}, None, "too degraded"),
        ({"people": 1}, {}, None, "not calibrated"),
        ({"fpir": 0.5}, {}, None, "not calibrated"),
    ],
)
def test_a_name_needs_a_rule_and_both_its_thresholds(
    gallery: Gallery,
    probe: Probe,
    rule: dict[str, object],
    changed: dict[str, object],
    accepted: bool | None,
    reason: str,
) -> None:
    identifier = Identifier(gallery, table(**rule), {"bicubic": PRINTS})
    answer = identifier(replace(probe, **changed), "bicubic")  # type: ignore[arg-type]
    assert answer.identity == "Joe Biden"
    assert (answer.accepted, answer.reason) == (accepted, reason)
    assert answer.name == ("Joe Biden" if accepted else "")
    assert (answer.threshold is None) == (accepted is None)
    assert bool(answer.note) == (not accepted)


def test_other_weights_give_no_verdict(gallery: Gallery, probe: Probe) -> None:
    for prints in ({}, {"bicubic": Fingerprints("other", "e", "c")}):
        answer = Identifier(gallery, table(), prints)(probe, "bicubic")
        assert (answer.accepted, answer.reason) == (None, "not calibrated")


def test_an_identifier_survives_pickling_and_describes_itself(
    gallery: Gallery, probe: Probe
) -> None:
    identifier = Identifier(gallery, table(), {"bicubic": PRINTS})
    again = pickle.loads(pickle.dumps(identifier))
    assert again(probe, "bicubic") == identifier(probe, "bicubic")
    assert again.describe() == identifier.describe()
    other = Gallery(gallery.people, gallery.embeddings + 1)
    assert Identifier(other, table()).describe() != identifier.describe()


def test_a_gallery_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="2 people"):
        Gallery(("a", "b"), np.zeros((1, 128), np.float32))
    with pytest.raises(ValueError, match="twice"):
        Gallery(("a", "a"), np.zeros((2, 128), np.float32))


def test_a_gallery_is_seen_as_the_probes_are(gallery: Gallery, samples: Path) -> None:
    views = views_of(gallery, "bicubic", load_cohorts())
    assert views
    assert views_of(gallery, "lanczos", load_cohorts()) == {}
    for view, seen in views.items():
        assert seen.shape == gallery.embeddings.shape
        small = far_away(
            largest(samples / "biden2.jpg"), view.width, "clean", np.random.default_rng(1)
        )
        probe = Probe(embed_enlarged([small], load_upscaler("bicubic"))[0], view.width, "clean")
        identifier = Identifier(gallery, table(), {"bicubic": PRINTS}, views=views)
        alike = identifier(probe, "bicubic")
        plain = Identifier(gallery, table(), {"bicubic": PRINTS})(probe, "bicubic")
        assert alike.identity == "Joe Biden"
        assert alike.similarity != plain.similarity
        assert identifier.describe()["views"]
