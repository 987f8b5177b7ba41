"""The gates that are reported are those that the network uses."""

from dataclasses import replace

import pytest
import torch

from benchmarks.tools.gates import gates
from data.errors import UsageError
from gflmser.config import NetworkConfig, Widths
from gflmser.network import GFLmser

SMALL = NetworkConfig(
    Widths(r64=4, r32=4, r16=4, r8=4, r4=4), groups=1, blocks=1, source="internal"
)
LR = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(1)) * 2 - 1


def network(**changes: object) -> GFLmser:
    torch.manual_seed(0)
    return GFLmser(replace(SMALL, **changes)).eval()  # type: ignore[arg-type]


def test_every_fusion_that_gets_a_skip_is_reported_once() -> None:
    found = gates(network(), LR)
    assert [gate.side for gate in found] == [8, 16]
    for gate in found:
        assert 0 < gate.magnitude <= 1
        assert 0 < gate.spread <= 1
        assert gate.chance == pytest.approx((gate.side**2 - 1) ** -0.5)


def test_images_that_are_alike_have_no_spread() -> None:
    assert all(gate.spread < 1e-6 for gate in gates(network(), LR[:1].repeat(3, 1, 1, 1)))


def test_one_gate_for_the_whole_sample_has_all_channels_to_judge_by() -> None:
    for gate in gates(network(gate_scope="sample"), LR):
        assert gate.chance == pytest.approx((4 * gate.side**2 - 1) ** -0.5)


def test_looking_changes_nothing() -> None:
    model = network()
    with torch.no_grad():
        before = model.restore(LR)
        gates(model, LR)
        torch.testing.assert_close(model.restore(LR), before)


def test_an_oracles_gates_are_those_of_the_truth_that_it_sees() -> None:
    hr = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(2)) * 2 - 1
    model = network(source="hr")
    assert gates(model, LR, hr) != gates(model, LR, -hr)


def test_without_a_gate_there_is_nothing_to_look_at() -> None:
    with pytest.raises(UsageError, match="gated network"):
        gates(network(gate="add"), LR)
