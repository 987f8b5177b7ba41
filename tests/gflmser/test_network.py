"""Sizes of the paper, shapes, skip sources, and the options of Lmser."""

from pathlib import Path

import pytest
import torch
from torch import nn

import gflmser
from gflmser.config import Config, NetworkConfig, SkipSource
from gflmser.gating import Fusion
from gflmser.network import Discriminator, GFLmser, H2LNet, enlarge, reduce
from gflmser.schema import load
from gflmser.tied import TransposedOf
from tests.gflmser.conftest import narrow

CONFIGS = Path(gflmser.__file__).parent / "configs"

SOURCES: list[tuple[SkipSource, int]] = [
    ("none", 1),
    ("hr", 1),
    ("hr32", 1),
    ("upsampled", 1),
    ("recurrent", 2),
    ("internal", 1),
]


def model(source: SkipSource = "upsampled", passes: int = 1, **changes: object) -> GFLmser:
    torch.manual_seed(0)
    gate = "none" if source == "none" else "correlation"
    return GFLmser(narrow(source=source, passes=passes, gate=gate, **changes))


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


class TestPaper:
    """baselines.md, section 1."""

    def test_parameter_counts_are_exact(self) -> None:
        network = GFLmser(load(Config, CONFIGS / "paper.toml").network)
        assert count(network.h2l) == 2_350_979
        assert count(network.l2h) == 2_407_747
        assert count(Discriminator()) == 445_953

    def test_of_one_group_has_the_counts_of_the_joint_code(self) -> None:
        network = GFLmser(NetworkConfig(groups=1))
        assert count(network.h2l) == 1_316_995
        assert count(network.l2h) == 1_373_763

    @pytest.mark.parametrize("source", ["upsampled", "internal"])
    def test_of_five_modules_has_the_counts_of_the_v1_code(self, source: SkipSource) -> None:
        network = GFLmser(NetworkConfig(modules=5, groups=1, noise=False, source=source))
        assert count(network.h2l) == 918_467
        assert count(network.l2h) == 975_811
        lr = torch.randn(1, 3, 16, 16)
        with torch.no_grad():
            seen = network.restore(lr)
            for fusion in (m for m in network.modules() if isinstance(m, Fusion)):
                fusion.mode = "none"
            assert seen.shape == (1, 3, 64, 64)
            assert not torch.equal(seen, network.restore(lr)), "no skip arrived"

    def test_multiply_adds(self) -> None:
        from torch.utils.flop_counter import FlopCounterMode

        network = GFLmser(NetworkConfig(source="none", gate="none"))
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            network.restore(torch.zeros(1, 3, 16, 16))
        assert counter.get_total_flops() / 2e9 == pytest.approx(1.80, abs=0.01)
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            network.degrade(torch.zeros(1, 3, 64, 64), None)
        assert counter.get_total_flops() / 2e9 == pytest.approx(1.77, abs=0.01)

    def test_resolutions_run_64_32_16_8_4_8_16_and_back(self) -> None:
        network = GFLmser(NetworkConfig(groups=1, blocks=1))
        _, skips = network.h2l.features(torch.zeros(1, 3, 64, 64))
        assert [skip.shape[-1] for skip in skips] == [64, 32, 16, 8, 4, 8, 16]
        seen: list[int] = []
        for stage in network.l2h.body.stages:
            stage.register_forward_hook(lambda _m, _i, out: seen.append(out[0].shape[-1]))
        network.restore(torch.zeros(1, 3, 16, 16))
        assert seen == [16, 8, 4, 8, 16, 32, 64]

    def test_the_ith_group_meets_its_mirror(self) -> None:
        """A skip from one group of H2L must change L2H from the mirrored group on, not before."""
        network = model("upsampled")
        lr = torch.randn(1, 3, 16, 16)
        _, skips = network.h2l.features(enlarge(lr))
        outputs: list[torch.Tensor] = []
        for stage in network.l2h.body.stages:
            stage.register_forward_hook(lambda _m, _i, out: outputs.append(out[0].detach()))
        network.l2h(lr, skips)
        before, changed = list(outputs), list(skips)
        changed[4] = torch.flip(skips[4], (2,)) + 1  # 4x4 of H2L meets the third module of L2H
        outputs.clear()
        network.l2h(lr, changed)
        same = [torch.equal(a, b) for a, b in zip(before, outputs, strict=True)]
        assert same == [True, True, False, False, False, False, False]


@pytest.mark.parametrize(("source", "passes"), SOURCES, ids=[s for s, _ in SOURCES])
class TestSources:
    def test_gives_four_times_the_size(self, source: SkipSource, passes: int) -> None:
        out = model(source, passes).restore(torch.zeros(2, 3, 16, 24), torch.zeros(2, 3, 64, 96))
        assert out.shape == (2, 3, 64, 96)

    def test_looks_at_the_truth_only_if_it_is_an_oracle(
        self, source: SkipSource, passes: int
    ) -> None:
        network, lr = model(source, passes), torch.randn(2, 3, 16, 16)
        hr = torch.randn(2, 3, 64, 64)
        with torch.no_grad():
            one, other = (
                network.restore(lr, hr),
                network.restore(lr, torch.full_like(hr, torch.nan)),
            )
        assert torch.equal(one, other) is not network.config.oracle

    def test_gives_as_many_estimates_as_passes(self, source: SkipSource, passes: int) -> None:
        estimates = model(source, passes).restore_passes(
            torch.randn(1, 3, 16, 16), torch.randn(1, 3, 64, 64)
        )
        assert len(estimates) == passes


@pytest.mark.parametrize("source", ["hr", "hr32"])
def test_an_oracle_without_the_truth_says_so(source: SkipSource) -> None:
    with pytest.raises(ValueError, match="ground truth"):
        model(source).restore(torch.zeros(1, 3, 16, 16))


def test_hr32_sees_nothing_that_32_pixels_do_not_hold() -> None:
    network, lr = model("hr32"), torch.randn(1, 3, 16, 16)
    checker = torch.ones(1, 3, 64, 64)
    checker[..., ::2, ::2] = checker[..., 1::2, 1::2] = -1
    with torch.no_grad():
        flat = network.restore(lr, torch.zeros(1, 3, 64, 64))
        fine = network.restore(lr, checker)
    assert (flat - fine)[..., 16:-16, 16:-16].abs().max() < 0.05


def test_internal_skips_change_the_output_and_need_no_h2l() -> None:
    torch.manual_seed(0)
    gated = GFLmser(narrow(source="internal"))
    plain = GFLmser(narrow(source="none", gate="none"))
    plain.load_state_dict(gated.state_dict())
    lr = torch.randn(1, 3, 16, 16)
    with torch.no_grad():
        assert not torch.allclose(gated.restore(lr), plain.restore(lr))
        before = gated.restore(lr)
        for parameter in gated.h2l.parameters():
            parameter.fill_(torch.nan)
        assert torch.equal(gated.restore(lr), before)


def test_noise_changes_what_h2l_makes() -> None:
    network, hr = model(), torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        one = network.degrade(hr, torch.randn(1, 1, 64, 64))
        other = network.degrade(hr, torch.randn(1, 1, 64, 64))
    assert one.shape == (1, 3, 16, 16)
    assert one.abs().max() <= 1
    assert not torch.equal(one, other)
    assert H2LNet(narrow(noise=False)).body.head.in_channels == 3


@pytest.mark.parametrize("upsampling", ["deconv", "shuffle"])
def test_bicubic_residual_starts_as_bicubic(upsampling: str) -> None:
    network = model("internal", bicubic_residual=True, upsampling=upsampling)
    lr, hr = torch.randn(1, 3, 16, 16), torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(network.restore(lr), enlarge(lr))
        torch.testing.assert_close(network.degrade(hr, None), reduce(hr))


class TestTied:
    """DCW: the L2H convolution is the transpose of its mirror in H2L."""

    def test_shares_the_very_parameter_and_saves_it_once(self) -> None:
        network = model("upsampled", tied=True)
        transposed = [m for m in network.l2h.modules() if isinstance(m, TransposedOf)]
        own = {id(p) for p in network.h2l.parameters()}
        assert len(transposed) == 14
        assert all(id(m.weight) in own for m in transposed)
        assert not any(key.endswith("first.weight") for key in network.l2h.state_dict())
        assert count(network) < count(model("upsampled"))

    def test_is_the_adjoint(self) -> None:
        network = model("upsampled", tied=True)
        mirror = network.h2l.body.stages[-1].groups[-1].blocks[-1].second  # type: ignore[union-attr,index]
        transpose = network.l2h.body.stages[0].groups[0].blocks[0].first  # type: ignore[union-attr,index]
        x, y = torch.randn(1, 8, 6, 6), torch.randn(1, 8, 6, 6)
        with torch.no_grad():
            forth = nn.functional.conv2d(x, mirror.weight, padding=1)
            back = transpose(y) - transpose.bias.view(1, -1, 1, 1)
        torch.testing.assert_close((forth * y).sum(), (x * back).sum(), rtol=1e-4, atol=1e-4)

    def test_learns_through_both_networks(self) -> None:
        network = model("none", tied=True)
        network.restore(torch.randn(1, 3, 16, 16)).square().mean().backward()
        weight = network.h2l.body.stages[0].groups[0].blocks[0].first.weight  # type: ignore[union-attr,index]
        assert weight.grad is not None and weight.grad.abs().sum() > 0


def test_discriminator_gives_one_logit_for_each_image() -> None:
    assert Discriminator(8)(torch.randn(5, 3, 16, 16)).shape == (5,)
