"""The losses of section 3.7 against their formulas."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from gflmser.losses import (
    detector_loss,
    discriminator_loss,
    generator_loss,
    gradient_penalty,
    hr_pixel_loss,
    lr_pixel_loss,
    oriented_gradients,
)
from gflmser.network import enlarge, reduce
from gflmser.tensors import to_tensor


def test_pixel_losses_are_mean_squares() -> None:
    made, target = torch.zeros(2, 3, 4, 4), torch.full((2, 3, 4, 4), 0.5)
    assert lr_pixel_loss(made, target) == pytest.approx(0.25)
    assert hr_pixel_loss(made, target) == pytest.approx(0.25)
    assert hr_pixel_loss(made, target, "charbonnier") == pytest.approx(0.5, abs=1e-4)


def test_vanilla_gan_is_equation_four() -> None:
    real, fake = torch.tensor([2.0]), torch.tensor([-1.0])
    p_real, p_fake = 1 / (1 + math.exp(-2)), 1 / (1 + math.exp(1))
    expected = -0.5 * (math.log(p_real) + math.log(1 - p_fake))
    assert discriminator_loss(real, fake, "vanilla") == pytest.approx(expected)
    assert generator_loss(fake, "vanilla") == pytest.approx(-math.log(p_fake))


def test_the_gradient_penalty_is_the_slope_at_real_images() -> None:
    slope = torch.randn(3, 4, 4, generator=torch.manual_seed(0)).requires_grad_()
    penalty = gradient_penalty(
        lambda images: (images * slope).sum((1, 2, 3)), torch.ones(5, 3, 4, 4)
    )
    assert penalty.item() == pytest.approx(0.5 * float(slope.detach().square().sum()))
    penalty.backward()
    assert slope.grad is not None
    torch.testing.assert_close(slope.grad, slope.detach())


def test_least_squares_gan_aims_at_one_and_zero() -> None:
    real, fake = torch.tensor([1.0]), torch.tensor([0.0])
    assert discriminator_loss(real, fake, "least_squares") == 0
    assert generator_loss(fake, "least_squares") == 1


@pytest.mark.parametrize("kind", ["vanilla", "least_squares"])
def test_gan_losses_pull_in_opposite_directions(kind: str) -> None:
    logit = torch.full((1,), 0.5, requires_grad=True)
    (pull,) = torch.autograd.grad(generator_loss(logit, kind), logit)  # type: ignore[arg-type]
    (push,) = torch.autograd.grad(discriminator_loss(torch.ones(1), logit, kind), logit)  # type: ignore[arg-type]
    assert pull < 0 < push


class TestDetectorLoss:
    """The oriented gradients that a HOG detector sees."""

    @pytest.fixture
    def face(self, samples: Path) -> Tensor:
        with Image.open(samples / "obama.jpg") as image:
            square = image.convert("RGB").crop((150, 40, 350, 240)).resize((64, 64))
        return to_tensor(np.asarray(square)[None])

    def test_is_nothing_for_the_image_itself_or_a_brighter_one(self, face: Tensor) -> None:
        assert detector_loss(face, face) == 0
        brighter = detector_loss(0.8 * face + 0.2, face)
        assert brighter < 0.1 * detector_loss(enlarge(reduce(face)), face)

    def test_prefers_a_sharp_edge_to_a_blurred_one(self, face: Tensor) -> None:
        blurred, more = enlarge(reduce(face)), enlarge(enlarge(reduce(reduce(face))))
        assert detector_loss(blurred, face) < detector_loss(more, face)

    def test_a_hatch_in_step_with_the_lr_pixels_gains_nothing(self, face: Tensor) -> None:
        blurred = enlarge(reduce(face))
        hatch = 0.05 * torch.randn(4, 4, generator=torch.Generator().manual_seed(0))
        hatched = blurred + hatch.repeat(16, 16)
        unseen = detector_loss(blurred, face)
        assert detector_loss(hatched, face) == pytest.approx(float(unseen), rel=1e-4)
        seen = (oriented_gradients(hatched) - oriented_gradients(face)).square().mean()
        assert abs(seen - unseen) > 0.01 * unseen

    def test_a_checkerboard_of_varying_strength_gains_nothing(self, face: Tensor) -> None:
        down, across = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
        checks = 0.002 * across * (1 - 2 * ((down + across) % 2))
        blurred = enlarge(reduce(face))
        with_checks = oriented_gradients(blurred + checks)
        torch.testing.assert_close(with_checks, oriented_gradients(blurred), atol=1e-4, rtol=0)

    def test_knows_directions(self) -> None:
        stripes = torch.zeros(1, 3, 64, 64)
        stripes[..., ::8] = stripes[..., 1::8] = 1.0
        cells = oriented_gradients(stripes).mean((0, 2, 3))
        assert cells[[0, 4]].min() > 5 * cells[[2, 6]].max()

    def test_of_a_flat_image_has_a_finite_gradient(self) -> None:
        flat = torch.zeros(1, 3, 64, 64, requires_grad=True)
        detector_loss(flat, torch.rand(1, 3, 64, 64)).backward()
        assert flat.grad is not None
        assert torch.isfinite(flat.grad).all()


def test_psnr_loss_is_the_mean_logarithm_of_each_samples_error() -> None:
    made = torch.zeros(2, 3, 4, 4)
    target = torch.stack((torch.full((3, 4, 4), 0.5), torch.full((3, 4, 4), 0.1)))
    expected = (math.log(0.25 + 1e-3) + math.log(0.01 + 1e-3)) / 2
    assert hr_pixel_loss(made, target, "psnr") == pytest.approx(expected, abs=1e-5)
