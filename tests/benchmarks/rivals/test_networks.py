"""The rivals' networks and losses against the published sizes and against plain formulas."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from benchmarks.rivals.bulat.network import BulatH2L, BulatJudge, BulatL2H, BulatNetwork, lr_target
from benchmarks.rivals.common.adversarial import (
    hinge_generator,
    hinge_judge,
    least_squares,
    vanilla,
)
from benchmarks.rivals.common.vgg import VggFeatures, load_vgg
from benchmarks.rivals.cyclegan.network import (
    CycleganNetwork,
    CycleganRestorer,
    PatchJudge,
    Translator,
)
from benchmarks.rivals.srgan.network import SrganGenerator, SrganJudge, SrganNetwork
from benchmarks.rivals.wavelet_srnet.network import (
    HaarPacket,
    WaveletNetwork,
    WaveletSrnet,
    squared,
    texture,
)
from data.errors import ModelError


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


PUBLISHED: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "srgan-16": (lambda: SrganGenerator(SrganNetwork()), 1_547_350),
    "srgan-leftthomas": (lambda: SrganGenerator(SrganNetwork(blocks=5, biased=True)), 734_219),
    # brade31919's batch normalisation has no scale: 33 layers of 64 less
    "srgan-brade31919": (
        lambda: SrganGenerator(SrganNetwork(channel_slopes=True)),
        1_546_435 + 33 * 64,
    ),
    "srgan-judge": (lambda: SrganJudge(SrganNetwork()), 13_077_889),
    "cyclegan-6": (lambda: Translator(CycleganNetwork()), 7_837_699),
    "cyclegan-9": (lambda: Translator(CycleganNetwork(blocks=9)), 11_378_179),
    "patchgan": (lambda: PatchJudge(CycleganNetwork()), 2_764_737),
    # the released file declares 12,384 more that no layer uses
    "bulat-l2h": (lambda: BulatL2H(BulatNetwork()), 15_490_403 - 12_384),
    "bulat-h2l": (lambda: BulatH2L(BulatNetwork(noise=False)), 1_336_515),
    "bulat-judge-16": (lambda: BulatJudge(BulatNetwork(), 16), 1_348_993),
    "wavelet-srnet": (lambda: WaveletSrnet(WaveletNetwork()), 51_353_968),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_as_many_parameters_as_the_original(name: str) -> None:
    build, published = PUBLISHED[name]
    with torch.device("meta"):
        assert parameters(build()) == published


SMALL: dict[str, Callable[[], nn.Module]] = {
    "srgan": lambda: SrganGenerator(SrganNetwork(width=8, blocks=1)),
    "cyclegan": lambda: CycleganRestorer(CycleganNetwork(width=8, blocks=1, pool=2)),
    "bulat": lambda: BulatL2H(BulatNetwork(l2h_widths=(8, 8, 8), l2h_blocks=(1, 1))),
    "wavelet-srnet": lambda: WaveletSrnet(WaveletNetwork(widths=(8, 8), blocks=1, head_width=2)),
}


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("size", [(16, 16), (2, 2), (5, 9)])
def test_restorers_enlarge_four_times(name: str, size: tuple[int, int]) -> None:
    restorer = SMALL[name]().eval()
    with torch.no_grad():
        assert restorer(torch.rand(2, 3, *size)).shape == (2, 3, 4 * size[0], 4 * size[1])


@pytest.mark.parametrize("name", SMALL)
def test_every_parameter_of_a_restorer_takes_part(name: str) -> None:
    restorer = SMALL[name]()
    restorer(torch.rand(2, 3, 16, 16)).square().mean().backward()
    for key, parameter in restorer.named_parameters():
        assert parameter.grad is not None, key


def test_srgan_options_change_what_goes_in_and_out() -> None:
    torch.manual_seed(0)
    network = SrganNetwork(width=8, blocks=1, unit_input=True, tanh=True)
    bounded = SrganGenerator(network).eval()
    linear = SrganGenerator(SrganNetwork(width=8, blocks=1)).eval()
    linear.load_state_dict(bounded.state_dict())
    lr = torch.rand(1, 3, 8, 8) * 2 - 1
    with torch.no_grad():
        assert torch.allclose(bounded(lr), torch.tanh(linear((lr + 1) / 2)))


def test_judges_give_a_logit_for_each_image_or_patch() -> None:
    hr, lr = torch.rand(2, 3, 64, 64), torch.rand(2, 3, 16, 16)
    small = BulatNetwork(judge_width=8)
    assert SrganJudge(SrganNetwork(judge_width=8, judge_dense=8))(hr).shape == (2,)
    assert PatchJudge(CycleganNetwork(judge_width=8))(hr).shape == (2, 1, 6, 6)
    assert BulatJudge(small, 64)(hr).shape == (2,)
    assert BulatJudge(small, 16)(lr).shape == (2,)


def test_layers_of_bulats_judge_have_unit_norm() -> None:
    torch.manual_seed(0)
    judge = BulatJudge(BulatNetwork(judge_width=8), 16)
    for _ in range(30):  # each forward in training is one step of the power iteration
        judge(torch.rand(1, 3, 16, 16))
    layers = [m for m in judge.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(layers) == 13
    for layer in layers:
        norm = torch.linalg.matrix_norm(layer.weight.flatten(1), 2)
        assert float(norm) == pytest.approx(1, abs=0.02)


def test_h2l_depends_on_its_code_and_lands_on_16() -> None:
    torch.manual_seed(0)
    h2l = BulatH2L(BulatNetwork(h2l_width=8)).eval()
    hr = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        one, other = h2l(hr, torch.randn(2, 64)), h2l(hr, torch.randn(2, 64))
    assert one.shape == (2, 3, 16, 16)
    assert not torch.allclose(one, other)


def test_lr_target_is_the_mean_of_sixteen_pixels() -> None:
    hr = torch.rand(1, 3, 64, 64)
    assert lr_target(hr)[0, 1, 2, 3] == pytest.approx(float(hr[0, 1, 8:12, 12:16].mean()), abs=1e-6)


def test_haar_packet_is_orthonormal_and_inverts() -> None:
    haar = HaarPacket()
    image = torch.rand(2, 3, 64, 32)
    packet = haar(image)
    assert packet.shape == (2, 48, 16, 8)
    assert torch.allclose(haar.inverse(packet), image, atol=1e-5)
    assert packet.square().sum() == pytest.approx(float(image.square().sum()), rel=1e-5)
    matrix = dict(haar.named_buffers())["filters"].flatten(1)
    assert torch.allclose(matrix @ matrix.T, torch.eye(16), atol=1e-6)
    assert torch.allclose(matrix.abs(), torch.full((16, 16), 0.25))


def test_haar_packet_stays_float32_under_autocast() -> None:
    haar = HaarPacket()
    image = torch.rand(2, 3, 32, 32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        packet, halved = haar(image), haar(image.bfloat16())
        back = haar.inverse(packet)
    assert packet.dtype == halved.dtype == back.dtype == torch.float32
    assert torch.equal(packet, haar(image))
    assert torch.allclose(back, image, atol=1e-5)


def test_haar_bands_go_from_coarse_to_fine() -> None:
    haar = HaarPacket()
    image = torch.rand(1, 3, 16, 16)
    assert torch.allclose(haar(image)[:, :3], 4 * functional.avg_pool2d(image, 4), atol=1e-5)
    coarse = functional.interpolate(functional.avg_pool2d(image, 2), scale_factor=2)
    packet = haar(coarse)
    assert packet[:, 3:12].abs().max() > 0.01
    assert packet[:, 12:].abs().max() < 1e-6


def test_colours_of_a_band_stand_together() -> None:
    image = torch.zeros(1, 3, 4, 4)
    image[0, 1] = torch.rand(4, 4)
    packet = HaarPacket()(image)[0, :, 0, 0]
    assert torch.count_nonzero(packet.view(16, 3)[:, [0, 2]]) == 0
    assert torch.count_nonzero(packet.view(16, 3)[:, 1]) == 16


def test_wavelet_heads_are_grouped_by_band() -> None:
    net = WaveletSrnet(WaveletNetwork())
    last = [head[-1] for head in net.heads]  # type: ignore[index]
    assert [(c.groups, c.in_channels, c.out_channels) for c in last] == [
        (1, 64, 3),
        (3, 192, 9),
        (12, 768, 36),
    ]


def test_wavelet_losses_are_their_formulas() -> None:
    rng = np.random.default_rng(0)
    made, wanted = rng.normal(size=(2, 2, 45, 4, 4)).astype(np.float32)
    expected = ((made - wanted) ** 2).sum() / (2 * 2)
    assert float(squared(torch.tensor(made), torch.tensor(wanted))) == pytest.approx(expected, 1e-5)
    energy = [(x.reshape(2, 15, 3, 4, 4) ** 2).sum(2) for x in (made, wanted)]
    expected = np.maximum(1.2 * energy[1] - energy[0], 0).mean()
    assert float(texture(torch.tensor(made), torch.tensor(wanted))) == pytest.approx(expected, 1e-5)


def test_texture_asks_for_no_more_than_its_ratio() -> None:
    wanted = torch.randn(1, 45, 4, 4)
    assert float(texture(2 * wanted, wanted)) == 0
    assert float(texture(wanted, wanted)) > 0


def test_adversarial_losses_are_their_formulas() -> None:
    real, fake = torch.tensor([2.0, -0.5]), torch.tensor([-3.0, 0.25])
    assert float(vanilla(fake, real=True)) == pytest.approx(
        np.mean([math.log1p(math.exp(3)), math.log1p(math.exp(-0.25))])
    )
    assert float(vanilla(fake, real=False)) == pytest.approx(
        np.mean([math.log1p(math.exp(-3)), math.log1p(math.exp(0.25))])
    )
    assert float(least_squares(real, real=True)) == pytest.approx((1 + 1.5**2) / 2)
    assert float(least_squares(real, real=False)) == pytest.approx((4 + 0.25) / 2)
    assert float(hinge_judge(real, fake)) == pytest.approx((0 + 1.5) / 2 + (0 + 1.25) / 2)
    assert float(hinge_generator(fake)) == pytest.approx(2.75 / 2)


def test_pool_shows_new_images_until_it_is_full_and_then_old_ones_too() -> None:
    torch.manual_seed(0)
    judge = PatchJudge(CycleganNetwork(judge_width=8, pool=3))
    first = torch.stack([torch.full((3, 64, 64), float(i)) for i in range(3)])
    assert torch.equal(judge.from_pool(first), first)
    seen: list[float] = []
    for value in range(10, 40):
        shown = judge.from_pool(torch.full((1, 3, 64, 64), float(value)))
        assert float(shown[0, 0, 0, 0]) <= value
        seen.append(float(shown[0, 0, 0, 0]))
    assert 0 < sum(value != new for value, new in zip(seen, range(10, 40), strict=True)) < 30
    assert len(set(seen)) > 3
    again = PatchJudge(CycleganNetwork(judge_width=8, pool=3))
    again.load_state_dict(judge.state_dict())
    assert torch.equal(again.pool, judge.pool)  # type: ignore[arg-type]


def test_vgg_features_come_from_torchvisions_file(tmp_path: Path) -> None:
    from pipeline.upscalers.inference.torchvision_shim import import_torchvision

    import_torchvision()
    from torchvision.models import vgg19

    torch.manual_seed(0)
    whole = vgg19(weights=None).eval()
    features = {k: v for k, v in whole.state_dict().items() if k.startswith("features.")}
    torch.save(features, tmp_path / "vgg19.pth")
    ours = load_vgg(tmp_path / "vgg19.pth", "conv2_2")
    image = torch.rand(1, 3, 32, 32)
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    with torch.no_grad():
        shallow = nn.Sequential(*list(whole.features.children())[:9])
        expected = shallow((image - mean) / deviation)
        assert torch.allclose(ours(image * 2 - 1), expected, atol=1e-5)
    assert not any(parameter.requires_grad for parameter in ours.parameters())


def test_vgg_layers_are_the_named_ones() -> None:
    with torch.device("meta"):
        deep, shallow = VggFeatures("conv5_4"), VggFeatures("conv2_2")
    image = torch.rand(1, 3, 64, 64)
    assert len([m for m in deep.modules() if isinstance(m, nn.Conv2d)]) == 16
    assert deep.to_empty(device="cpu")(image).shape == (1, 512, 4, 4)
    assert shallow.to_empty(device="cpu")(image).shape == (1, 128, 32, 32)


def test_a_file_that_is_no_vgg_is_refused(tmp_path: Path) -> None:
    torch.save({"features.0.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(ModelError, match=r"other\.pth is not torchvision's vgg19"):
        load_vgg(tmp_path / "other.pth", "conv2_2")
