"""The gate on features made so that the answer is known, and against a slow loop."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gflmser.config import GateScope
from gflmser.gating import Fusion, correlation

SCOPES: list[GateScope] = ["channel", "sample"]


def feature(seed: int = 0, shape: tuple[int, ...] = (3, 5, 8, 8)) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def slow(x: Tensor, y: Tensor, scope: GateScope, centred: bool) -> Tensor:
    """Equation 3 written with Python loops and the math module."""

    def one(a: list[float], b: list[float]) -> float:
        if centred:
            mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
            a, b = [v - mean_a for v in a], [v - mean_b for v in b]
        top = sum(p * q for p, q in zip(a, b, strict=True))
        return top / math.sqrt(sum(p * p for p in a) * sum(q * q for q in b))

    rows = []
    for i in range(len(x)):
        if scope == "sample":
            rows.append([one(x[i].flatten().tolist(), y[i].flatten().tolist())])
        else:
            pairs = zip(x[i], y[i], strict=True)
            rows.append([one(a.flatten().tolist(), b.flatten().tolist()) for a, b in pairs])
    return torch.tensor(rows)[..., None, None]


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("centred", [True, False])
class TestCorrelation:
    def test_of_a_feature_with_itself_is_one(self, scope: GateScope, centred: bool) -> None:
        rho = correlation(feature(), feature(), scope=scope, centred=centred)
        torch.testing.assert_close(rho, torch.ones_like(rho))

    def test_of_a_feature_with_its_negative_is_minus_one(
        self, scope: GateScope, centred: bool
    ) -> None:
        rho = correlation(feature(), -3 * feature(), scope=scope, centred=centred)
        torch.testing.assert_close(rho, -torch.ones_like(rho))

    def test_of_independent_features_is_near_zero(self, scope: GateScope, centred: bool) -> None:
        shape = (2, 4, 64, 64)
        rho = correlation(feature(1, shape), feature(2, shape), scope=scope, centred=centred)
        assert rho.abs().max() < 0.1

    @pytest.mark.parametrize("value", [0.0, 5.3, -1e-6, 1e4])
    def test_of_a_constant_map_is_finite_and_so_is_its_gradient(
        self, value: float, scope: GateScope, centred: bool
    ) -> None:
        x = feature().requires_grad_()
        constant = torch.full_like(x, value).requires_grad_()
        rho = correlation(x, constant, scope=scope, centred=centred)
        Fusion("correlation", scope, centred=centred, tanh=False)(x, constant).sum().backward()
        if centred or value == 0:
            torch.testing.assert_close(rho, torch.zeros_like(rho), atol=1e-6, rtol=0)
        assert rho.abs().max() <= 1 + 1e-5
        assert x.grad is not None and constant.grad is not None
        assert torch.isfinite(x.grad).all() and torch.isfinite(constant.grad).all()

    def test_agrees_with_a_slow_loop(self, scope: GateScope, centred: bool) -> None:
        x, y = feature(3, (2, 3, 4, 5)), feature(4, (2, 3, 4, 5)) + 0.5
        rho = correlation(x, y, scope=scope, centred=centred)
        torch.testing.assert_close(rho, slow(x, y, scope, centred))

    @pytest.mark.parametrize("tanh", [True, False])
    def test_has_the_gradient_of_its_formula(
        self, tanh: bool, scope: GateScope, centred: bool
    ) -> None:
        x = feature(5, (2, 2, 3, 4)).double().requires_grad_()
        y = (feature(6, (2, 2, 3, 4)).double() + 0.7).requires_grad_()
        fusion = Fusion("correlation", scope, centred=centred, tanh=tanh).double()
        parameters = tuple(fusion.parameters())
        assert len(parameters) == tanh
        assert torch.autograd.gradcheck(lambda a, b, *_: fusion(a, b), (x, y, *parameters))


def test_centred_correlation_ignores_an_offset_and_the_cosine_does_not() -> None:
    x = feature()
    shifted = x + 5
    centred = correlation(x, shifted, scope="channel", centred=True)
    torch.testing.assert_close(centred, torch.ones_like(centred), atol=1e-4, rtol=0)
    assert correlation(x, shifted, scope="channel", centred=False).max() < 0.9


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.floats(1e-3, 1e3), centred=st.booleans())
def test_correlation_stays_within_one_and_ignores_scale(
    seed: int, scale: float, centred: bool
) -> None:
    x, y = feature(seed, (2, 3, 4, 4)), feature(seed + 1, (2, 3, 4, 4))
    rho = correlation(x, y, scope="channel", centred=centred)
    assert rho.abs().max() <= 1 + 1e-5
    scaled = correlation(x * scale, y, scope="channel", centred=centred)
    torch.testing.assert_close(scaled, rho, atol=1e-4, rtol=1e-3)


class TestFusion:
    @pytest.mark.parametrize(
        ("mode", "added"),
        [("none", 0.0), ("add", 1.0), ("correlation", 1.0)],
        ids=["nothing", "the skip", "an identical skip passes whole"],
    )
    def test_of_an_identical_skip(self, mode: str, added: float) -> None:
        fusion = Fusion(mode, "channel", centred=True, tanh=False)  # type: ignore[arg-type]
        torch.testing.assert_close(fusion(feature(), feature()), feature() * (1 + added))

    def test_corrects_the_sign_of_a_negated_skip(self) -> None:
        fusion = Fusion("correlation", "channel", centred=True, tanh=False)
        torch.testing.assert_close(fusion(feature(), -feature()), 2 * feature())

    def test_without_a_skip_is_the_feature_itself(self) -> None:
        x = feature()
        assert Fusion("correlation", "channel", centred=True, tanh=False)(x, None) is x

    def test_fast_lane_weighs_by_tanh_with_a_scale_that_is_learnt(self) -> None:
        fusion = Fusion("correlation", "channel", centred=True, tanh=True)
        out = fusion(feature(), feature())
        torch.testing.assert_close(out, feature() * (1 + math.tanh(1.0)))
        out.square().mean().backward()
        (gamma,) = fusion.parameters()
        assert gamma.grad is not None and gamma.grad != 0

    @pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
    @pytest.mark.parametrize("centred", [True, False])
    def test_of_half_precision_is_near_that_of_single(
        self, centred: bool, kind: torch.dtype
    ) -> None:
        fusion = Fusion("correlation", "channel", centred=centred, tanh=False)
        x = 300 * feature(7, (2, 4, 32, 32)).relu()  # squares that float16 cannot hold
        y = (x + 200 * feature(8, x.shape)).relu()
        torch.testing.assert_close(
            fusion(x.to(kind), y.to(kind)).float(), fusion(x, y), atol=6, rtol=0.02
        )
        rho = correlation(x.to(kind), y.to(kind), scope="channel", centred=centred)
        whole = correlation(x, y, scope="channel", centred=centred)
        torch.testing.assert_close(rho, whole, atol=4e-3, rtol=0)

    @pytest.mark.parametrize("scope", SCOPES)
    def test_no_gradient_turns_a_map_that_has_no_direction(self, scope: GateScope) -> None:
        dead, alive = torch.zeros(3, 5, 8, 8).requires_grad_(), feature().requires_grad_()
        fusion = Fusion("correlation", scope, centred=True, tanh=False)
        (fusion(dead, alive) + fusion(alive, dead)).square().sum().backward()
        torch.testing.assert_close(dead.grad, 2 * feature())
        torch.testing.assert_close(alive.grad, 2 * feature())

    @pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
    def test_gradient_in_half_precision_is_finite_and_near(self, kind: torch.dtype) -> None:
        gradients = []
        for one in (kind, torch.float32):
            x, y = (feature(seed, (2, 4, 16, 16)).relu().to(one) for seed in (7, 8))
            y[0, 0] = 5  # nothing to compare with
            x[0, 1] *= 1e-3
            x, y = x.requires_grad_(), y.requires_grad_()
            fusion = Fusion("correlation", "channel", centred=True, tanh=False)
            fusion(x, y).square().sum().backward()
            assert x.grad is not None and y.grad is not None
            gradients.append((x.grad.float(), y.grad.float()))
        for half, single in zip(*gradients, strict=True):
            error, size = (torch.linalg.vector_norm(g, dim=(2, 3)) for g in (half - single, single))
            assert (error <= 0.03 * size).all()

    def test_is_float32_inside_bfloat16_autocast(self) -> None:
        with torch.autocast("cpu", torch.bfloat16):
            x = feature().bfloat16()
            assert correlation(x, x, scope="channel", centred=True).dtype == torch.float32
