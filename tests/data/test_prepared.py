"""Prepared datasets: the right pixels, in the right order, with their sources' hashes."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.boxes import Box
from data.leakage import Near, exclude, near
from data.prepared import DatasetImage, build, read_index, square, write_excluded


def images(samples: Path, *names: str) -> list[DatasetImage]:
    return [DatasetImage(name, name.split(".")[0], (samples / name).read_bytes) for name in names]


def test_holds_the_central_squares_in_order(samples: Path, tmp_path: Path) -> None:
    made = build(images(samples, "biden.jpg", "obama.jpg"), tmp_path, name="two", side=96)
    stored = np.load(tmp_path / "images.npy", mmap_mode="r")
    assert (made.written, stored.shape, stored.dtype) == (2, (2, 96, 96, 3), np.uint8)
    with Image.open(samples / "obama.jpg") as image:
        edge = min(image.size)
        left, top = (image.width - edge) // 2, round((image.height - edge) / 2)
        square = image.convert("RGB").crop((left, top, left + edge, top + edge))
    expected = np.asarray(square.resize((96, 96), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(stored[1], expected)


def test_names_people_and_hashes_sources(samples: Path, tmp_path: Path) -> None:
    made = build(images(samples, "biden.jpg", "obama.jpg"), tmp_path, name="two", side=32)
    rows = read_index(tmp_path)
    digest = hashlib.sha256((samples / "obama.jpg").read_bytes()).hexdigest()
    assert rows[1] == ("obama.jpg", "obama", digest)
    meta = json.loads((tmp_path / "cache.json").read_text())
    assert (meta["count"], meta["sources"]) == (2, made.digest)
    other = build(images(samples, "obama.jpg"), tmp_path / "other", name="one", side=32)
    assert other.digest != made.digest


def test_leaves_out_what_cannot_be_read_and_says_so(samples: Path, tmp_path: Path) -> None:
    broken = DatasetImage("broken.jpg", "", lambda: b"no image")
    empty = DatasetImage("empty box", "", (samples / "obama.jpg").read_bytes, Box(5, 5, 5, 9))
    good = images(samples, "obama.jpg")
    made = build([broken, *good, empty], tmp_path, name="x", side=16)
    assert (made.written, made.unreadable) == (1, ("broken.jpg", "empty box"))
    assert np.load(tmp_path / "images.npy").shape == (1, 16, 16, 3)
    assert [row[0] for row in read_index(tmp_path)] == ["obama.jpg"]


def test_cuts_the_box_and_places_the_square(samples: Path, tmp_path: Path) -> None:
    encoded = (samples / "obama.jpg").read_bytes
    whole = DatasetImage("a", "", encoded, Box(100, 50, 200, 250))
    build([whole], tmp_path / "top", name="x", side=100, anchor=0.0)
    build([whole], tmp_path / "bottom", name="x", side=100, anchor=1.0)
    with Image.open(samples / "obama.jpg") as image:
        rgb = np.asarray(image.convert("RGB"))
    top, bottom = (np.load(tmp_path / n / "images.npy")[0] for n in ("top", "bottom"))
    np.testing.assert_array_equal(top, rgb[50:150, 100:200])
    np.testing.assert_array_equal(bottom, rgb[150:250, 100:200])


@pytest.mark.parametrize(
    ("box", "inside"),
    [
        pytest.param((-50, -20, 100, 80), (0, 0, 100, 80), id="left and top"),
        pytest.param((400, 500, 900, 900), (400, 500, None, None), id="right and bottom"),
    ],
)
def test_a_box_is_clipped_to_its_image(
    samples: Path, box: tuple[int, int, int, int], inside: tuple[int | None, ...]
) -> None:
    encoded = (samples / "obama.jpg").read_bytes()
    with Image.open(samples / "obama.jpg") as image:
        left, top, right, bottom = inside
        rgb = np.asarray(image.convert("RGB"))[top:bottom, left:right]
    edge = min(rgb.shape[:2])
    x, y = (rgb.shape[1] - edge) // 2, round((rgb.shape[0] - edge) * 0.5)
    cut = rgb[y : y + edge, x : x + edge]
    np.testing.assert_array_equal(square(encoded, edge, 0.5, Box(*box)), cut)


def test_a_box_outside_its_image_is_an_error(samples: Path) -> None:
    with pytest.raises(ValueError, match="empty box"):
        square((samples / "obama.jpg").read_bytes(), 16, 0.5, Box(5000, 5000, 5100, 5100))


def test_says_only_of_test_sets_that_they_are(samples: Path, tmp_path: Path) -> None:
    two = images(samples, "biden.jpg", "obama.jpg")
    build(two, tmp_path / "train", name="two", side=16)
    build(two, tmp_path / "test", name="two", side=16, test_only=True)
    metas = [json.loads((tmp_path / n / "cache.json").read_text()) for n in ("train", "test")]
    assert "test_only" not in metas[0]
    assert metas[1] == {**metas[0], "test_only": True}


def test_an_image_of_absurd_size_is_left_out(tmp_path: Path) -> None:
    bomb = DatasetImage("bomb.ppm", "", lambda: b"P6 30000 30000 255\n")
    assert build([bomb], tmp_path, name="x", side=16).unreadable == ("bomb.ppm",)


class TestLeakage:
    def test_finds_exactly_what_is_closer_than_the_threshold(self) -> None:
        test = np.zeros((2, 128), np.float32)
        test[1, 0] = 10
        train = np.zeros((3, 128), np.float32)
        train[0, 1], train[1, 1], train[2, 0] = 0.399, 0.401, 10.1
        found = near(["a", "b", "c"], train, ["x", "y"], test)
        assert [(n.image, n.test_image) for n in found] == [("a", "x"), ("c", "y")]
        assert [n.distance for n in found] == pytest.approx([0.399, 0.1], abs=1e-5)

    def test_agrees_with_scipy(self) -> None:
        from scipy.spatial.distance import cdist

        rng = np.random.default_rng(0)
        train, test = rng.normal(0, 0.05, (40, 128)), rng.normal(0, 0.05, (30, 128))
        names, others = [str(i) for i in range(40)], [str(i) for i in range(30)]
        found = near(
            names, train.astype(np.float32), others, test.astype(np.float32), threshold=0.7
        )
        distances = cdist(train, test)
        assert 0 < len(found) < 40
        assert {n.image for n in found} == {str(i) for i in np.flatnonzero(distances.min(1) < 0.7)}

    def test_is_recorded_in_the_prepared_dataset(self, samples: Path, tmp_path: Path) -> None:
        from gflmser.training.sampler import CachedFaces

        build(images(samples, "biden.jpg", "obama.jpg"), tmp_path, name="two", side=32)
        assert exclude(tmp_path, [Near("biden.jpg", "lfw/x.jpg", 0.25)]) == 1
        faces = CachedFaces(tmp_path)
        assert faces.rows.tolist() == [1]
        assert faces.record()["left_out"] == 1
        with pytest.raises(KeyError):
            exclude(tmp_path, [Near("nobody.jpg", "lfw/x.jpg", 0.25)])

    def test_a_training_set_of_nobody_is_refused(self, samples: Path, tmp_path: Path) -> None:
        from gflmser.schema import ConfigError
        from gflmser.training.sampler import CachedFaces

        build(images(samples, "obama.jpg"), tmp_path, name="one", side=32)
        write_excluded(tmp_path, [("obama.jpg", "x", 0.1)])
        with pytest.raises(ConfigError, match="holds no image"):
            CachedFaces(tmp_path)
        with pytest.raises(ConfigError, match="not a prepared dataset"):
            CachedFaces(tmp_path / "nowhere")

    @pytest.mark.parametrize("name", ["cache.json", "images.npy", "index.csv", "excluded.csv"])
    def test_a_damaged_training_set_is_refused(
        self, name: str, samples: Path, tmp_path: Path
    ) -> None:
        from gflmser.schema import ConfigError
        from gflmser.training.sampler import CachedFaces

        build(images(samples, "obama.jpg"), tmp_path, name="one", side=32)
        for damage in ("no\nno", "7", ""):
            (tmp_path / name).write_text(damage)
            with pytest.raises(ConfigError, match="not a prepared dataset"):
                CachedFaces(tmp_path)
