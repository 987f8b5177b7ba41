"""The loop that the gate is timed against computes the same thing."""

from dataclasses import replace

import pytest
import torch

from benchmarks.tools.step_time import VARIANTS, make_variant, step_times
from data.errors import UsageError
from gflmser.config import Config, NetworkConfig, Widths

CONFIG = Config(
    network=NetworkConfig(Widths(r64=4, r32=4, r16=4, r8=4, r4=4), groups=1, blocks=1, source="hr")
)


def test_the_loop_restores_what_the_gate_does() -> None:
    hr = torch.rand(2, 3, 64, 64) * 2 - 1
    lr = torch.rand(2, 3, 16, 16) * 2 - 1
    with torch.no_grad():
        gate, plain, loop = (make_variant(CONFIG, name).restore(lr, hr) for name in VARIANTS)
    torch.testing.assert_close(loop, gate)
    assert not torch.allclose(plain, gate)


def test_every_variant_is_timed_as_often_as_asked() -> None:
    times = step_times(CONFIG, torch.device("cpu"), batch=2, repeats=2)
    assert [one.variant for one in times] == list(VARIANTS)
    assert [len(one.seconds) for one in times] == [2] * len(VARIANTS)


def test_without_a_gate_there_is_nothing_to_time() -> None:
    config = replace(CONFIG, network=replace(CONFIG.network, gate="add"))
    with pytest.raises(UsageError, match="correlation gate"):
        step_times(config, torch.device("cpu"), batch=1, repeats=1)
