"""One training step with the vectorised gate, without a gate, and with the authors' gate loop.

The step is the one of the loop's `restore` phase: skips from H2L, L2H forward and backward, Adam.
Example:

    python -m benchmarks.tools.step_time gflmser/configs/paper.toml --batch 16 \\
        --out benchmarks/results/step_time.json
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import click
import torch
from torch import Tensor, nn

from data.atomic import write_json
from data.errors import UsageError
from gflmser.config import Config
from gflmser.gating import Fusion
from gflmser.losses import hr_pixel_loss
from gflmser.network import GFLmser, reduce
from gflmser.schema import load
from pipeline.cli import main as run
from pipeline.environment.provenance import provenance

VARIANTS: Final = ("gate", "no gate", "gate as a loop")
_EPSILON: Final = 1e-8


class LoopFusion(nn.Module):
    """The gate as the authors' code has it: Python loops over every image and every channel."""

    def forward(self, feature: Tensor, skip: Tensor | None) -> Tensor:
        """`feature + rho * skip` with the centred correlation of each channel (eq. 3)."""
        assert skip is not None
        images = []
        for x, y in zip(feature, skip, strict=True):
            maps = []
            for a, b in zip(x, y, strict=True):
                da, db = a - a.mean(), b - b.mean()
                power = (da * da).sum() * (db * db).sum()
                maps.append(b * ((da * db).sum() / power.clamp_min(_EPSILON**2).sqrt()))
            images.append(torch.stack(maps))
        return feature + torch.stack(images)


@dataclass(frozen=True, slots=True)
class StepTime:
    """Seconds of single steps of one variant."""

    variant: str
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Median in seconds."""
        return statistics.median(self.seconds)


def make_variant(config: Config, variant: str) -> GFLmser:
    """The network of `config` with one way of fusing; the same first weights for each."""
    gate = config.network.gate if variant == "gate" else "add"
    torch.manual_seed(config.seed)
    model = GFLmser(replace(config.network, gate=gate))
    if variant == "gate as a loop":
        for module in model.modules():
            if isinstance(getattr(module, "fusion", None), Fusion):
                module.fusion = LoopFusion()
    return model


def step_times(
    config: Config,
    device: torch.device,
    batch: int,
    repeats: int,
    variants: Sequence[str] = VARIANTS,
) -> list[StepTime]:
    """Time the variants in turns, after one step each that is not counted.

    The precision is the configuration's, 32-true or bf16-mixed.

    Raises UsageError when the network has no gate to be timed.
    """
    if config.network.gate != "correlation" or config.network.gate_scope != "channel":
        raise UsageError("only a correlation gate for each channel can be set against the loop")
    hr = torch.rand(batch, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    bf16 = config.training.precision == "bf16-mixed"
    steps = [_step(make_variant(config, name), hr.to(device), device, bf16) for name in variants]
    seconds: list[list[float]] = [[] for _ in variants]
    for turn in range(repeats + 1):
        for step, own in zip(steps, seconds, strict=True):
            begun = time.perf_counter()
            step()
            if turn:
                own.append(time.perf_counter() - begun)
    return [StepTime(name, tuple(own)) for name, own in zip(variants, seconds, strict=True)]


def _step(model: GFLmser, hr: Tensor, device: torch.device, bf16: bool) -> Callable[[], None]:
    model = model.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    adam = torch.optim.Adam(model.l2h.parameters())
    lr, hr = reduce(hr), hr.to(memory_format=torch.channels_last)

    def step() -> None:
        adam.zero_grad(set_to_none=True)
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            loss = hr_pixel_loss(model.restore(lr, hr), hr)
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    return step


@click.command()
@click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--batch", type=click.IntRange(1), default=16, show_default=True)
@click.option("--repeats", type=click.IntRange(1), default=5, show_default=True)
@click.option("--device", default="cpu", show_default=True)
@click.option("--precision", type=click.Choice(["32-true", "bf16-mixed"]), default="32-true")
def main(config: Path, out: Path, batch: int, repeats: int, device: str, precision: str) -> None:
    """Time a training step of CONFIG with its gate, without one, and with the authors' loop."""
    settings = load(Config, config, [f"training.precision={precision}"])
    times = step_times(settings, torch.device(device), batch, repeats)
    gate, plain, loop = (one.median for one in times)
    result = {
        "config": str(config),
        "batch": batch,
        "device": device,
        "precision": precision,
        "threads": torch.get_num_threads(),
        "seconds": {one.variant: one.seconds for one in times},
        "median_s": {one.variant: one.median for one in times},
        "loop_over_gate": loop / gate,
        "gate_over_no_gate": gate / plain,
        "provenance": provenance(),
    }
    write_json(out, result)
    click.echo(f"gate {gate:.2f} s, no gate {plain:.2f} s, gate as a loop {loop:.2f} s a step")


if __name__ == "__main__":
    run(main)
