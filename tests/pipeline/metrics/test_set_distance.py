"""Distances of feature sets: closed forms, torch-fidelity's own code, and real images."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from data.errors import ModelError
from data.images.rgb import RGB
from pipeline.metrics.features import DlibFeatures, InceptionFeatures, load_extractor
from pipeline.metrics.set_distance import (
    fidelity,
    frechet_distance,
    has_kernel_distance,
    kernel_distance,
    kernel_resamples,
)
from pipeline.upscalers.inference.torchvision_shim import import_torchvision

Features = NDArray[np.float64]


def exact_sample(
    n: int, mean: Features, deviations: Features, rng: np.random.Generator
) -> Features:
    """`n` points whose sample mean and covariance are exactly these."""
    points = rng.normal(size=(n, len(mean)))
    q, _ = np.linalg.qr(points - points.mean(axis=0))
    return np.asarray(q * np.sqrt(n - 1) * deviations + mean)


def theirs(a: Features, b: Features) -> float:
    import_torchvision()
    fid = pytest.importorskip("torch_fidelity.metric_fid")
    stats = [fid.fid_features_to_statistics(torch.from_numpy(x)) for x in (a, b)]
    found = fid.fid_statistics_to_metric(*stats, verbose=False)
    return float(found["frechet_inception_distance"])


def test_frechet_of_gaussians_in_closed_form() -> None:
    rng = np.random.default_rng(0)
    m1, m2 = rng.normal(size=5), rng.normal(size=5)
    s1, s2 = rng.uniform(0.5, 3, 5), rng.uniform(0.5, 3, 5)
    rotation, _ = np.linalg.qr(rng.normal(size=(5, 5)))
    a = exact_sample(40, m1, s1, rng) @ rotation
    b = exact_sample(90, m2, s2, rng) @ rotation
    want = np.sum((m1 - m2) ** 2) + np.sum((s1 - s2) ** 2)
    assert frechet_distance(a, b) == pytest.approx(want, rel=1e-10)


@pytest.mark.parametrize(("n", "m"), [(300, 200), (200, 20), (12, 9)], ids=["n>d", "m<d", "n,m<d"])
def test_frechet_is_torch_fidelitys(n: int, m: int) -> None:
    rng = np.random.default_rng(1)
    mix = rng.normal(size=(32, 32))
    a, b = rng.normal(size=(n, 32)) @ mix, 0.5 + rng.normal(size=(m, 32))
    assert frechet_distance(a, b) == pytest.approx(theirs(a, b), rel=1e-6)


def test_frechet_is_the_matrix_root_of_the_definition() -> None:
    from scipy.linalg import sqrtm

    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(60, 6)) * [1, 2, 3, 4, 5, 6], rng.gamma(2, size=(50, 6))
    s1, s2 = np.cov(a.T), np.cov(b.T)
    mean = a.mean(0) - b.mean(0)
    want = mean @ mean + np.trace(s1 + s2 - 2 * np.real(sqrtm(s1 @ s2)))
    assert frechet_distance(a, b) == pytest.approx(want, rel=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 30), st.integers(2, 30), st.integers(1, 12), st.integers(0, 1000))
def test_frechet_is_symmetric_zero_with_itself_and_blind_to_order(
    n: int, m: int, d: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(n, d)), rng.normal(2, 3, size=(m, d))
    distance = frechet_distance(a, b)
    assert distance >= 0
    assert distance == pytest.approx(frechet_distance(b, a), abs=1e-8)
    assert frechet_distance(a, rng.permutation(a)) == pytest.approx(0, abs=1e-8)
    assert frechet_distance(a, a + 2.0) == pytest.approx(4 * d, rel=1e-8)


def test_frechet_falls_with_the_number_of_images_and_kernel_does_not() -> None:
    rng = np.random.default_rng(3)
    few, many = (rng.normal(size=(2, n, 64)) for n in (80, 500))
    assert frechet_distance(*few) > 3 * frechet_distance(*many) > 0
    for pair in (few, many):
        mean, std = kernel_distance(*pair)
        assert abs(mean) < 0.1
        assert std > 0, "subsets differ, even where they are half of the set"


def test_kernel_is_the_unbiased_estimate_of_the_definition() -> None:
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(60, 8)), rng.normal(0.7, 1, size=(50, 8))

    def kernel(x: Features, y: Features) -> Features:
        return np.asarray((x @ y.T / 8 + 1) ** 3)

    aa, bb = kernel(a, a), kernel(b, b)
    want = (aa.sum() - np.trace(aa)) / (60 * 59) + (bb.sum() - np.trace(bb)) / (50 * 49)
    want -= 2 * kernel(a, b).mean()
    mean, std = kernel_distance(a, b)
    assert mean == pytest.approx(want, abs=4 * std / 10)
    assert kernel_distance(a, b) == (mean, std), "the seed decides"
    assert kernel_distance(a, b, seed=1) != (mean, std)


def test_kernel_resamples_are_the_definition_on_the_drawn_images() -> None:
    """With every image once it is the distance; a repeat is no pair with itself."""
    rng = np.random.default_rng(6)
    a, b = rng.normal(size=(7, 3)), rng.normal(0.5, 1, size=(5, 3))

    def kernel(x: Features, y: Features) -> float:
        return float((x @ y / 3 + 1) ** 3)

    picks = [list(range(7)), [0, 0, 1, 2, 2, 2, 6], [4] * 7]
    found = kernel_resamples(a, b, np.stack([np.bincount(p, minlength=7) for p in picks]))
    for value, drawn in zip(found[:2], picks, strict=False):
        pairs = [(i, j) for i in drawn for j in drawn if i != j]
        want = np.mean([kernel(a[i], a[j]) for i, j in pairs])
        want -= 2 * np.mean([kernel(a[i], y) for i in drawn for y in b])
        assert value == pytest.approx(want)
    assert np.isnan(found[2])


def test_kernel_resamples_do_not_depend_on_the_rows_held(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(7)
    a, b = rng.normal(size=(50, 4)), rng.normal(size=(30, 4))
    counts = rng.multinomial(50, np.full(50, 1 / 50), size=9)
    whole = kernel_resamples(a, b, counts)
    monkeypatch.setattr("pipeline.metrics.set_distance._ROWS", 8)
    assert kernel_resamples(a, b, counts) == pytest.approx(whole)


def test_without_torch_fidelity_the_frechet_distance_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Stub:
        kind = "dlib"
        backend = "stub"

        def __call__(self, images: object) -> Features:
            return np.random.default_rng(0).normal(size=(8, 4))

    assert has_kernel_distance()
    monkeypatch.setitem(sys.modules, "torch_fidelity.metric_kid", None)
    assert not has_kernel_distance()
    found = fidelity([], np.eye(8, 4), Stub())  # type: ignore[arg-type]
    assert found.frechet > 0
    assert found.as_row()["kd_dlib"] is found.as_row()["kd_dlib_std"] is None
    with pytest.raises(ModelError, match=r"pip install 'sr-pipeline\[metrics\]'"):
        kernel_distance(np.eye(8, 4), np.eye(8, 4))


BAD = {
    "one image": (np.zeros((1, 4)), np.zeros((9, 4)), "at least two"),
    "other features": (np.zeros((9, 4)), np.zeros((9, 5)), r"\(N, d\)"),
    "one axis": (np.zeros(9), np.zeros(9), r"\(N, d\)"),
    "not finite": (np.full((9, 4), np.nan), np.zeros((9, 4)), "finite"),
}


@pytest.mark.parametrize("distance", [frechet_distance, kernel_distance])
@pytest.mark.parametrize(("a", "b", "message"), BAD.values(), ids=BAD)
def test_what_has_no_distance_is_refused(
    distance: Callable[[Features, Features], object], a: Features, b: Features, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        distance(a, b)


def faces(samples: Path) -> list[RGB]:
    """Twelve crops of 64x64 about three faces."""
    corners = {"obama.jpg": (165, 20), "biden.jpg": (170, 30), "biden2.jpg": (160, 40)}
    found = []
    for name, (x, y) in corners.items():
        image = Image.open(samples / name).convert("RGB")
        for dx, dy in ((0, 0), (20, 0), (0, 20), (15, 15)):
            box = (x + dx, y + dy, x + dx + 200, y + dy + 200)
            found.append(np.asarray(image.crop(box).resize((64, 64), Image.Resampling.BICUBIC)))
    return found


def blurred(images: list[RGB], side: int) -> list[RGB]:
    small = [Image.fromarray(p).resize((side, side), Image.Resampling.BICUBIC) for p in images]
    return [np.asarray(p.resize((64, 64), Image.Resampling.BICUBIC)) for p in small]


def test_dlib_features_rank_degradations_and_are_never_called_fid(samples: Path) -> None:
    hr = faces(samples)
    extractor = load_extractor()
    reference = extractor(hr)
    assert reference.shape == (12, 128)
    same, mild, strong = (
        fidelity(images, reference, extractor) for images in (hr, blurred(hr, 32), blurred(hr, 16))
    )
    assert same.frechet == pytest.approx(0, abs=1e-8)
    assert 1e-4 < mild.frechet < strong.frechet
    assert mild.kernel < strong.kernel
    row = strong.as_row()
    assert row["fd_dlib"] == strong.frechet
    assert row["fd_dlib_n"] == 12
    assert "dlib" in str(row["fd_dlib_backend"])
    assert not {"fid", "kid"} & set(row)


def test_dlib_features_do_not_depend_on_the_batch(
    samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = [*faces(samples)[:3], np.zeros((16, 20, 3), np.uint8)]
    whole = DlibFeatures()(iter(images))
    monkeypatch.setattr("pipeline.metrics.features._BATCH", 1)
    assert np.abs(DlibFeatures()(images) - whole).max() < 1e-5
    assert DlibFeatures()([]).shape == (0, 128)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of the right names and shapes, drawn at random: the true ones cannot be shipped."""
    import_torchvision()
    module = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    folder = tmp_path_factory.mktemp("weights")
    torch.save({}, folder / "empty.pth")

    class Untrained(module.FeatureExtractorInceptionV3):  # type: ignore[misc, name-defined]
        def load_state_dict(self, state: object) -> None:
            pass

    torch.manual_seed(0)
    network = Untrained("x", ["2048"], feature_extractor_weights_path=str(folder / "empty.pth"))
    torch.save(network.state_dict(), folder / "inception.pth")
    return folder / "inception.pth"


def test_inception_features_are_torch_fidelitys(weights: Path, samples: Path) -> None:
    module = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    images = faces(samples)[:2]
    extractor = load_extractor(weights)
    found = extractor(images)
    network = module.FeatureExtractorInceptionV3(
        "x", ["2048"], feature_extractor_weights_path=str(weights)
    )
    batch = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
    (want,) = network(batch)
    assert found.shape == (2, 2048)
    assert np.abs(found - want.numpy()).max() < 1e-4 * np.abs(found).max()
    assert extractor.kind == "inception"
    assert "torch-fidelity" in extractor.backend


def test_inception_alone_may_be_called_fid() -> None:
    class Stub:
        kind = "inception"
        backend = "stub"

        def __call__(self, images: object) -> Features:
            return np.random.default_rng(0).normal(size=(8, 4))

    row = fidelity([], np.zeros((8, 4)) + np.eye(8, 4), Stub()).as_row()  # type: ignore[arg-type]
    assert {"fid", "kid", "kid_std", "fid_n", "fid_n_reference", "fid_backend"} == set(row)


class Boobytrap:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (Path("opened"),))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.pth", None, "cannot read"),
        ("text.pth", b"hello", "no weight file"),
        ("text.safetensors", b"hello", "no weight file"),
        ("weights-6726825d.pth", b"hello", "damaged"),
    ],
)
def test_wrong_weight_files_are_one_line(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=message) as raised:
        InceptionFeatures(tmp_path / name)
    assert "\n" not in str(raised.value)


def test_other_weights_are_refused(tmp_path: Path) -> None:
    torch.save({"layer.weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(ModelError, match="other weights"):
        InceptionFeatures(tmp_path / "other.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ModelError, match="holds no weights but list"):
        InceptionFeatures(tmp_path / "list.pth")


def test_code_in_a_weight_file_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"layer.weight": Boobytrap()}, tmp_path / "trap.pth")
    with pytest.raises(ModelError, match="no weight file"):
        InceptionFeatures(tmp_path / "trap.pth")
    assert not (tmp_path / "opened").exists()
