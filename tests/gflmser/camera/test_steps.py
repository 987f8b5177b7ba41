"""Each step of the camera chain against Pillow, OpenCV or PyAV."""

import math
from io import BytesIO

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from gflmser.camera.blur import blurred
from gflmser.camera.grid import resampled, resampling
from gflmser.camera.jpeg import compressed
from gflmser.camera.scene import relit, without_colour
from gflmser.camera.sensor import bilateral, median, noisy, rounded, sharpened
from gflmser.camera.video import filmed, moving, recorded
from tests.gflmser.camera.conftest import pixels

NONE = torch.zeros(1)
INSIDE = (slice(16, -16), slice(16, -16))


@pytest.mark.parametrize("quality", [25, 40, 75, 95])
@pytest.mark.parametrize("subsampled", [False, True], ids=["444", "420"])
def test_jpeg_is_pillows(face: np.ndarray, tensor: Tensor, quality: int, subsampled: bool) -> None:
    file = BytesIO()
    Image.fromarray(face).save(file, "JPEG", quality=quality, subsampling=2 * subsampled)
    with Image.open(file) as opened:
        expected = np.asarray(opened).astype(float)
    made = pixels(
        compressed(tensor, torch.tensor([float(quality)]), torch.tensor([bool(subsampled)]))
    )
    lost = np.abs(expected - face).mean()
    assert np.abs(made - expected).mean() < max(0.8, 0.4 * lost)
    assert np.abs(made - face).mean() == pytest.approx(lost, rel=0.15, abs=0.3)


KERNELS = (
    Image.Resampling.BOX,
    Image.Resampling.BILINEAR,
    Image.Resampling.BICUBIC,
    Image.Resampling.LANCZOS,
)


@pytest.mark.parametrize("index", range(4), ids=lambda index: KERNELS[index].name)
@pytest.mark.parametrize("side", [24, 48, 40])
def test_kernels_are_pillows(face: np.ndarray, tensor: Tensor, index: int, side: int) -> None:
    matrix = resampling(
        96, side, step=torch.tensor([96 / side]), start=NONE, kernels=torch.tensor([index])
    )
    made = pixels(resampled(tensor, matrix, matrix)).clip(0, 255)
    if index == 0 and side == 40:  # Pillow's box takes whole pixels alone
        expected = cv2.resize(face.astype(float), (side, side), interpolation=cv2.INTER_AREA)
    else:
        expected = np.asarray(Image.fromarray(face).resize((side, side), KERNELS[index]))
    difference = np.abs(made - expected)[4:-4, 4:-4]  # Pillow cuts kernels off at the border
    assert difference.mean() < 0.5
    assert difference.max() < 6  # it rounds and clips between the two directions


def test_without_a_filter_every_nth_pixel_is_taken(face: np.ndarray, tensor: Tensor) -> None:
    matrix = resampling(96, 32, step=torch.tensor([3.0]), start=NONE, kernels=torch.tensor([4]))
    assert np.allclose(pixels(resampled(tensor, matrix, matrix)), face[1::3, 1::3])


def test_an_image_beyond_its_ends_is_mirrored(face: np.ndarray, tensor: Tensor) -> None:
    matrix = resampling(
        96, 128, step=torch.ones(1), start=torch.tensor([-16.0]), kernels=torch.tensor([2])
    )
    expected = np.pad(face, ((16, 16), (16, 16), (0, 0)), "symmetric")
    assert np.allclose(pixels(resampled(tensor, matrix, matrix)), expected, atol=1e-3)


@pytest.mark.parametrize("sigma", [0.8, 2.0, 4.0])
def test_gaussian_blur_is_opencvs(face: np.ndarray, tensor: Tensor, sigma: float) -> None:
    both = torch.tensor([sigma])
    made = pixels(blurred(tensor, both, both, angle=NONE, length=NONE, radius=NONE))
    expected = cv2.GaussianBlur(
        face.astype(np.float64), (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101
    )
    assert np.abs(made - expected)[INSIDE].max() < 1.0


def test_two_sigmas_lie_along_their_angle(tensor: Tensor) -> None:
    point = torch.zeros(1, 1, 65, 65)
    point[..., 32, 32] = 1
    spread = blurred(
        point,
        torch.tensor([4.0]),
        torch.tensor([1.0]),
        angle=torch.tensor([math.pi / 6]),
        length=NONE,
        radius=NONE,
    )[0, 0].double()
    y, x = torch.meshgrid(*(torch.arange(65.0) - 32,) * 2, indexing="ij")
    along = x * math.cos(math.pi / 6) + y * math.sin(math.pi / 6)
    across = y * math.cos(math.pi / 6) - x * math.sin(math.pi / 6)
    assert float(spread.sum()) == pytest.approx(1, abs=1e-4)
    assert float((spread * along**2).sum()) == pytest.approx(16, rel=0.05)
    assert float((spread * across**2).sum()) == pytest.approx(1, rel=0.05)


def test_motion_is_a_straight_box(face: np.ndarray, tensor: Tensor) -> None:
    made = pixels(blurred(tensor, NONE, NONE, angle=NONE, length=torch.tensor([9.0]), radius=NONE))
    expected = cv2.blur(face.astype(np.float64), (9, 1), borderType=cv2.BORDER_REFLECT_101)
    assert np.abs(made - expected)[INSIDE].mean() < 1.0


def test_defocus_is_a_disc(face: np.ndarray, tensor: Tensor) -> None:
    made = pixels(blurred(tensor, NONE, NONE, angle=NONE, length=NONE, radius=torch.tensor([4.0])))
    y, x = np.mgrid[-5:6:0.1, -5:6:0.1] + 0.05 - 0.5
    disc = (np.hypot(y, x) <= 4).reshape(11, 10, 11, 10).mean((1, 3))
    expected = cv2.filter2D(
        face.astype(np.float64), -1, disc / disc.sum(), borderType=cv2.BORDER_REFLECT_101
    )
    assert np.abs(made - expected)[INSIDE].mean() < 1.0


def test_median_is_opencvs(face: np.ndarray, tensor: Tensor) -> None:
    assert np.allclose(pixels(median(tensor)), cv2.medianBlur(face, 3), atol=1e-3)


def test_bilateral_keeps_edges_and_takes_noise(tensor: Tensor) -> None:
    edge = torch.zeros(1, 3, 32, 32)
    edge[..., 16:] = 0.8
    noise = 0.03 * torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    made = bilateral(edge + noise)
    assert float((made - edge).std()) < 0.6 * float(noise.std())
    assert float((bilateral(edge) - edge).abs().max()) < 1e-6


def test_sharpening_is_unsharp_masking(face: np.ndarray, tensor: Tensor) -> None:
    soft = cv2.GaussianBlur(face.astype(float), (3, 3), 0, borderType=cv2.BORDER_REPLICATE)
    made = pixels(sharpened(tensor, torch.tensor([0.7])))
    assert np.allclose(made, face + 0.7 * (face - soft), atol=1e-2)


@pytest.mark.parametrize("correlated", [False, True])
def test_noise_has_the_variance_that_was_asked_for(correlated: bool) -> None:
    images = torch.full((1, 3, 256, 256), 0.5)
    field = torch.randn(images.shape, generator=torch.Generator().manual_seed(1))
    made = noisy(
        images,
        field,
        torch.tensor([2e-3]),
        torch.tensor([0.02]),
        torch.tensor([False]),
        torch.tensor([correlated]),
    )
    assert float((made - images).var()) == pytest.approx(2e-3 * 0.5 + 4e-4, rel=0.05)
    grey = noisy(
        images,
        field,
        torch.tensor([2e-3]),
        torch.tensor([0.02]),
        torch.tensor([True]),
        torch.tensor([correlated]),
    )
    assert torch.equal(grey[:, 0], grey[:, 2])


def test_light_is_gain_gamma_and_balance(tensor: Tensor) -> None:
    balance = torch.tensor([[1.0, 0.9, 1.1]])
    made = relit(tensor, torch.tensor([0.5]), torch.tensor([1.4]), balance)
    expected = 0.5 * balance.view(1, 3, 1, 1) * tensor**1.4
    assert torch.allclose(made, expected.clamp(0, 1))


def test_grey_is_pillows_luma(face: np.ndarray, tensor: Tensor) -> None:
    expected = np.asarray(Image.fromarray(face).convert("L")).astype(float)
    assert np.abs(pixels(without_colour(tensor))[..., 1] - expected).max() <= 1


def test_rounding_gives_levels_of_a_file(tensor: Tensor) -> None:
    levels = rounded(tensor * 1.2 - 0.1) * 255
    assert torch.allclose(levels, levels.round(), atol=1e-4)
    assert 0 <= float(levels.min()) <= float(levels.max()) <= 255


def test_h264_loses_more_at_a_higher_quantiser(face: np.ndarray, tensor: Tensor) -> None:
    errors = []
    for quantiser in (20, 30, 40):
        made = recorded(moving(face, (1, 2), 4), quantiser)
        assert len(made) == 4
        assert made[-1].shape == face.shape
        errors.append(float(np.abs(made[-1].astype(float) - face).mean()))
    assert errors == sorted(errors)
    assert errors[0] < 4 < errors[2]
    last = filmed(tensor, *(torch.tensor([value]) for value in (30.0, 1.0, 2.0)))
    again = recorded(moving(face, (1, 2), 3), 30)[-1]
    assert np.array_equal(pixels(last).round(), again)


def test_what_moves_ends_where_it_is(face: np.ndarray) -> None:
    frames = moving(face, (1, -2), 3)
    assert np.array_equal(frames[-1], face)
    assert np.array_equal(frames[0][4:-8, 8:-8], face[6:-6, 4:-12])
