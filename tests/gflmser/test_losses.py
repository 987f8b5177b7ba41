"""The losses of section 3.7 against their formulas."""

import math

import pytest
import torch

from gflmser.losses import discriminator_loss, generator_loss, hr_pixel_loss, lr_pixel_loss


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
