"""A restorer: any size, any batch, no way to see the truth."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gflmser.cards import WeightsError
from gflmser.load import card_of
from gflmser.network import GFLmser, reduce
from gflmser.restore import OracleError, Restorer, back_project, load_restorer, pad
from gflmser.tensors import to_tensor
from gflmser.weights import save_weights
from tests.gflmser.conftest import narrow


def restorer(source: str = "internal", **options: object) -> Restorer:
    torch.manual_seed(0)
    passes = 2 if source == "recurrent" else 1
    network = narrow(
        source=source,
        gate="none" if source == "none" else "correlation",
        passes=passes,
        bicubic_residual=source == "internal",
    )
    model = GFLmser(network)
    with torch.no_grad():  # the residual's last layer starts at zero: make it count
        model.l2h.body.tail.weight.normal_(0, 0.1)
    name = "tiny-oracle" if network.oracle else "tiny"
    return Restorer(model, card_of(name, network), **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def faces(samples: Path) -> np.ndarray:
    """`(9, 16, 16, 3)` squares of a photograph."""
    with Image.open(samples / "obama.jpg") as image:
        squares = [
            image.crop((x, y, x + 200, y + 200)) for x in (50, 100, 150) for y in (0, 40, 80)
        ]
    return np.stack([np.asarray(s.convert("RGB").resize((16, 16))) for s in squares])


@pytest.mark.parametrize("source", ["none", "internal", "upsampled", "recurrent"])
def test_a_deployable_restorer_cannot_see_the_truth(source: str, faces: np.ndarray) -> None:
    run = restorer(source)
    lr = to_tensor(faces)
    truth = torch.full((len(lr), 3, 64, 64), torch.nan)
    assert torch.equal(run.restore(lr, truth), run.restore(lr))


@pytest.mark.parametrize("source", ["hr", "hr32"])
def test_an_oracle_refuses_to_restore_by_itself(source: str, faces: np.ndarray) -> None:
    run = restorer(source)
    assert run.oracle
    with pytest.raises(OracleError, match="oracle"):
        run.restore(to_tensor(faces))
    assert run(faces, np.zeros((len(faces), 64, 64, 3), np.uint8)).shape == (9, 64, 64, 3)


@pytest.mark.parametrize(
    ("height", "width"), [(16, 16), (17, 16), (1, 1), (5, 23), (40, 30)], ids=str
)
def test_any_size_becomes_four_times_as_large(height: int, width: int) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2, height, width, 3), np.uint8)
    out = restorer()(images)
    assert out.shape == (2, 4 * height, 4 * width, 3)
    assert out.dtype == np.uint8


@pytest.mark.parametrize("source", ["internal", "upsampled"])
@pytest.mark.parametrize("size", [1, 2, 4, 8])
def test_the_size_of_a_batch_moves_no_pixel_by_more_than_a_grey_level(
    size: int, source: str, faces: np.ndarray
) -> None:
    run = restorer(source)
    whole = run(faces)
    parts = [run(faces[i : i + size]) for i in range(0, len(faces), size)]
    difference = np.concatenate(parts).astype(int) - whole
    assert np.abs(difference).max() <= 1  # the pipeline, whose passes have one size, promises 0
    assert (difference != 0).mean() < 1e-4


def test_output_stays_in_range_and_is_float32(faces: np.ndarray) -> None:
    out = restorer().restore(to_tensor(faces))
    assert out.dtype == torch.float32
    assert out.abs().max() <= 1


def test_bfloat16_is_near_float32(faces: np.ndarray) -> None:
    exact, short = restorer()(faces), restorer(precision="bf16")(faces)
    assert np.abs(exact.astype(int) - short).max() <= 8


@pytest.mark.parametrize(
    ("precision", "message"), [("fp16", "not for the CPU"), ("fp64", "is not one of")]
)
def test_a_precision_that_cannot_be_is_refused(precision: str, message: str) -> None:
    with pytest.raises(WeightsError, match=message):
        restorer(precision=precision)


def test_overflow_is_redone_in_float32_with_one_warning(faces: np.ndarray) -> None:
    run, exact = restorer(precision="bf16"), restorer()
    run._restore = lambda lr, hr: torch.full((len(lr), 3, 64, 64), torch.inf)
    with pytest.warns(UserWarning, match="redone in float32"):
        out = run(faces)
    assert np.abs(out.astype(int) - exact(faces)).max() <= 8
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(faces)


def test_back_projection_gives_the_input_again(faces: np.ndarray) -> None:
    lr = to_tensor(faces)
    plain, kept = restorer().restore(lr), restorer(consistent=True).restore(lr)
    before = (reduce(plain) - lr).square().mean()
    after = (reduce(kept) - lr).square().mean()
    assert after < before / 20
    again = back_project(kept, lr)
    assert (again - kept).abs().mean() < (kept - plain).abs().mean()


def test_padding_reflects_and_small_images_repeat_their_edge() -> None:
    row = torch.arange(6.0).view(1, 1, 1, 6)
    assert pad(row, 4).shape == (1, 1, 4, 8)
    tall = torch.arange(30.0).view(1, 1, 5, 6)
    assert pad(tall, 4)[0, 0, 0].tolist() == [0, 1, 2, 3, 4, 5, 4, 3]
    assert pad(row.expand(1, 1, 4, 6)[..., :4], 4).shape == (1, 1, 4, 4)


def test_what_is_no_batch_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(N, 3, H, W\)"):
        restorer().restore(torch.zeros(3, 16, 16))


def test_loads_a_file_and_keeps_its_name(tmp_path: Path, faces: np.ndarray) -> None:
    torch.manual_seed(1)
    network = narrow(source="internal")
    model = GFLmser(network)
    path = save_weights(model, card_of("mine", network), tmp_path)
    run = load_restorer(path)
    assert (run.name, run.scale, run.oracle) == ("mine", 4, False)
    with torch.no_grad():
        expected = model.eval().restore(to_tensor(faces))
    assert (run.restore(to_tensor(faces)) - expected).abs().max() < 2 / 255


def test_the_shipped_default_restores(faces: np.ndarray) -> None:
    out = load_restorer("gflmser")(faces)
    assert out.shape == (9, 64, 64, 3)
    assert out.std() > 10
