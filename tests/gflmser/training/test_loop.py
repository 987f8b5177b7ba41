"""The loop: what resumes, what stops, what learns, and that two processes are one."""

import io
import itertools
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from gflmser.config import Config, OptimiserConfig, PhaseConfig, TrainingConfig, Widths
from gflmser.load import build_gflmser, load_gflmser
from gflmser.method import METHOD
from gflmser.recipe import GFLmserRecipe
from gflmser.schema import ConfigError
from gflmser.training.batches import Batches, Steps, loader
from gflmser.training.ema import WeightAverage
from gflmser.training.fabric import make_fabric
from gflmser.training.loop import Trainer
from gflmser.training.protocols import TrainingError, Update
from gflmser.training.sampler import Batch, Sampler
from gflmser.training.schedule import Pace
from gflmser.weights import history, read_card, verify_weights
from tests.gflmser.conftest import PHASES, config, narrow


def trainer(settings: Config, folder: Path) -> Trainer:
    torch.manual_seed(settings.seed)
    return Trainer(
        GFLmserRecipe(settings),
        Sampler(settings.data, seed=settings.seed),
        settings.training,
        fabric=make_fabric(settings.training, device="cpu"),
        folder=folder,
    )


def state(run: Trainer) -> dict[str, Tensor]:
    found = {f"average.{k}": v for k, v in run.average.state_dict().items()}
    for name, module in run.recipe.modules.items():
        found |= {f"{name}.{k}": v.clone() for k, v in module.state_dict().items()}
    return found


def same(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


class TestResume:
    @pytest.mark.parametrize("stop", [1, 3, 5], ids=["in pixel", "in gan", "in restore"])
    def test_repeats_an_uninterrupted_run_bit_for_bit(
        self, stop: int, cache: Path, tmp_path: Path
    ) -> None:
        settings = config(cache, schedule="cosine", warm_up=2)
        whole = trainer(settings, tmp_path / "whole")
        whole.run()
        first = trainer(settings, tmp_path / "cut")
        for _ in range(stop):
            first._one_step()
            first.step += 1
        first.save()
        second = trainer(settings, tmp_path / "cut")
        assert not same(state(second), state(first))
        second.resume()
        assert second.step == stop
        second.run()
        assert same(state(second), state(whole))

    def test_without_a_checkpoint_says_what_is_missing(self, cache: Path, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"nothing to resume: .*checkpoint\.pt"):
            trainer(config(cache), tmp_path).resume()

    def test_refuses_a_checkpoint_of_another_skip_source(self, cache: Path, tmp_path: Path) -> None:
        METHOD.train(config(cache, network=narrow(source="upsampled")), tmp_path, max_steps=1)
        oracle = replace(config(cache, network=narrow(source="hr")), name="tiny-oracle")
        with pytest.raises(ConfigError, match="source was upsampled, is hr"):
            METHOD.train(oracle, tmp_path, resume=True)
        with pytest.raises(ConfigError, match="widths was"):
            METHOD.train(config(cache, network=narrow(widths=Widths(r64=8))), tmp_path, resume=True)

    def test_refuses_a_broken_checkpoint_in_one_line(self, cache: Path, tmp_path: Path) -> None:
        (tmp_path / "checkpoint.pt").write_bytes(b"nothing of the kind")
        with pytest.raises(ConfigError, match=r"checkpoint\.pt is not a checkpoint of ours"):
            METHOD.train(config(cache), tmp_path, resume=True)

    def test_a_new_training_does_not_overwrite_an_old_one(
        self, cache: Path, tmp_path: Path
    ) -> None:
        METHOD.train(config(cache), tmp_path, max_steps=1)
        with pytest.raises(ConfigError, match="--resume goes on from it"):
            METHOD.train(config(cache), tmp_path)

    def test_when_the_minutes_are_up(self, cache: Path, tmp_path: Path) -> None:
        settings = config(cache)
        outcome, weights = METHOD.train(settings, tmp_path, max_minutes=0)
        assert (outcome.step, outcome.finished) == (0, False)
        assert weights is not None and weights.is_file()
        outcome, _ = METHOD.train(settings, tmp_path, resume=True)
        assert (outcome.step, outcome.finished) == (7, True)

    def test_when_the_steps_are_up(self, cache: Path, tmp_path: Path) -> None:
        settings = config(cache)
        outcome, _ = METHOD.train(settings, tmp_path, max_steps=3)
        assert (outcome.step, outcome.finished) == (3, False)
        outcome, _ = METHOD.train(settings, tmp_path, max_steps=99, resume=True)
        assert (outcome.step, outcome.finished) == (7, True)


class TestStep:
    def losses(self, cache: Path, phase: int, tmp_path: Path) -> tuple[Trainer, dict[str, Tensor]]:
        settings = config(cache)
        run = trainer(settings, tmp_path)
        run.step = phase
        return run, run._one_step()

    @pytest.mark.parametrize(
        ("step", "names"),
        [
            (0, {"lr_pixel"}),
            (2, {"lr_pixel", "gan", "discriminator"}),
            (4, {"hr_pixel"}),
        ],
        ids=["pixel", "gan", "restore"],
    )
    def test_every_loss_of_the_phase_is_logged_alone(
        self, step: int, names: set[str], cache: Path, tmp_path: Path
    ) -> None:
        _, losses = self.losses(cache, step, tmp_path)
        assert set(losses) == names

    @pytest.mark.parametrize(
        ("step", "learns"),
        [(0, {"h2l"}), (2, {"h2l", "discriminator"}), (4, {"l2h"})],
        ids=["pixel", "gan", "restore"],
    )
    def test_only_what_the_phase_trains_changes(
        self, step: int, learns: set[str], cache: Path, tmp_path: Path
    ) -> None:
        run = trainer(config(cache), tmp_path)
        before = {n: [p.clone() for p in m.parameters()] for n, m in run.recipe.modules.items()}
        run.step = step
        run._one_step()
        changed = {
            name
            for name, module in run.recipe.modules.items()
            if not all(map(torch.equal, before[name], module.parameters()))
        }
        assert changed == learns

    def test_generator_and_discriminator_steps_do_not_touch_each_other(
        self, cache: Path, tmp_path: Path
    ) -> None:
        settings = config(cache)
        recipe = GFLmserRecipe(settings)
        batch = Sampler(settings.data, seed=0).batch(0, range(4))
        seen: list[tuple[tuple[str, ...], set[str]]] = []

        def update(loss: Tensor, names: Sequence[str]) -> None:
            for module in recipe.modules.values():
                module.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            touched = {
                name
                for name, module in recipe.modules.items()
                if any(p.grad is not None and p.grad.abs().sum() > 0 for p in module.parameters())
            }
            seen.append((tuple(names), touched))

        recipe.step(batch, settings.training.phases[1], update)
        assert seen == [(("h2l",), {"h2l"}), (("discriminator",), {"discriminator"})]

    def test_joint_training_teaches_h2l_through_the_skips(self, cache: Path) -> None:
        """With `upsampled`, H2L is the encoder of the skips: eq. 6 alone must reach it."""
        settings = config(cache, network=narrow(source="upsampled"))
        recipe = GFLmserRecipe(settings)
        batch = Sampler(settings.data, seed=0).batch(0, range(4))
        phase = PhaseConfig(name="joint", length=1, trains=("h2l", "l2h"), hr_pixel=1.0)

        def update(loss: Tensor, names: Sequence[str]) -> None:
            assert set(names) == {"h2l", "l2h"}
            loss.backward()  # type: ignore[no-untyped-call]

        recipe.step(batch, phase, update)
        head = recipe.model.h2l.body.head.weight
        assert head.grad is not None and head.grad.abs().sum() > 0

    def test_tied_weights_cannot_learn_without_h2l(self, cache: Path) -> None:
        with pytest.raises(ConfigError, match="train h2l in every phase of l2h"):
            GFLmserRecipe(config(cache, network=narrow(tied=True)))

    def test_training_lowers_the_loss(self, cache: Path, tmp_path: Path) -> None:
        phases = (PhaseConfig(name="restore", length=160, trains=("l2h",), hr_pixel=1.0),)
        widths = Widths(r64=8, r32=16, r16=16, r8=16, r4=16)
        network = narrow(source="internal", bicubic_residual=True, widths=widths)
        fast = OptimiserConfig(rate=5e-3)
        settings = config(cache, network=network, phases=phases, l2h=fast, ema=0.0)
        run = trainer(settings, tmp_path)
        batch = run.sampler.batch(999, range(16))

        def error() -> float:
            with torch.no_grad():
                return float((run.recipe.sample(batch.target, None) - batch.hr).square().mean())

        before = error()
        run.run()
        assert error() < 0.98 * before


def test_the_gradient_penalty_is_a_loss_of_its_own(cache: Path, tmp_path: Path) -> None:
    phase = replace(PHASES[1], gan_penalty=0.5)
    run = trainer(config(cache, phases=(phase,)), tmp_path)
    before = [p.clone() for p in run.recipe.modules["discriminator"].parameters()]
    losses = run._one_step()
    assert set(losses) == {"lr_pixel", "gan", "discriminator", "gan_penalty"}
    assert float(losses["gan_penalty"].detach()) > 0
    after = list(run.recipe.modules["discriminator"].parameters())
    assert not all(map(torch.equal, before, after))


class TestStart:
    def test_goes_on_from_weights_and_says_so_on_the_card(
        self, cache: Path, tmp_path: Path
    ) -> None:
        settings = config(cache)
        _, first = METHOD.train(settings, tmp_path / "first")
        assert first is not None
        again = replace(settings, start=str(first), seed=5)
        before = load_gflmser(first)[0].state_dict()
        assert same(dict(GFLmserRecipe(again).model.state_dict()), dict(before))
        _, second = METHOD.train(again, tmp_path / "second", max_steps=3)
        first.unlink()  # a resumed training has no need of it
        _, second = METHOD.train(again, tmp_path / "second", resume=True)
        assert second is not None
        card = read_card(second)
        assert [one["steps"] for one in card.earlier] == [7]
        assert card.total_steps == 2 * 7
        assert card.images_seen == 2 * 7 * 4
        assert card.cpu_seconds > 0
        assert card.total_cpu_seconds > card.cpu_seconds
        assert card.total_wall_seconds > card.wall_seconds
        assert verify_weights(second, build_gflmser) == []
        assert [one["steps"] for one in history(second)] == [7, 7]

    def test_refuses_weights_of_another_network(self, cache: Path, tmp_path: Path) -> None:
        _, weights = METHOD.train(config(cache), tmp_path, max_steps=1)
        other = replace(config(cache, network=narrow(gate="add")), start=str(weights))
        with pytest.raises(ConfigError, match="not the network that 'network' describes"):
            GFLmserRecipe(other)
        with pytest.raises(ConfigError, match="'start': no weights called 'nobody'"):
            METHOD.train(replace(config(cache), start="nobody"), tmp_path / "other")


def test_bf16_on_a_cpu_learns_about_the_same(cache: Path, tmp_path: Path) -> None:
    phases = (PhaseConfig(name="restore", length=6, trains=("l2h",), hr_pixel=1.0),)
    runs = [
        trainer(config(cache, phases=phases, precision=precision), tmp_path / precision)
        for precision in ("32-true", "bf16-mixed")
    ]
    for run in runs:
        run.run()
    full, mixed = (state(run) for run in runs)
    assert not same(full, mixed)
    for key, tensor in full.items():
        assert mixed[key].dtype == tensor.dtype
        torch.testing.assert_close(mixed[key], tensor, atol=2e-2, rtol=0.1)


@pytest.mark.parametrize(
    ("capabilities", "told"), [({"avx2": True}, True), ({"avx512_bf16": True}, False)]
)
def test_who_trains_in_bf16_on_a_cpu_without_it_is_told(
    cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capabilities: dict[str, bool],
    told: bool,
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    phases = (PhaseConfig(name="restore", length=1, trains=("l2h",), hr_pixel=1.0),)
    stream = io.StringIO()
    METHOD.train(config(cache, phases=phases, precision="bf16-mixed"), tmp_path, stream=stream)
    assert ("--set training.precision=32-true" in stream.getvalue()) == told


def test_a_discriminator_without_real_images_is_refused(cache: Path) -> None:
    settings = config(cache)
    with pytest.raises(ConfigError, match=r"'data\.real_lr' is empty"):
        GFLmserRecipe(replace(settings, data=replace(settings.data, real_lr="")))


class BrokenGradient(torch.autograd.Function):
    """A finite value whose gradient is no number."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: object, *gradients: Tensor) -> Tensor:
        return gradients[0] * torch.nan


class Exploding:
    """A method whose loss, or only its gradient, is no number from the third step on."""

    averaged: Sequence[str] = ("net",)

    def __init__(self, *, gradient_alone: bool) -> None:
        self.modules: Mapping[str, nn.Module] = {"net": nn.Conv2d(3, 3, 1)}
        self.gradient_alone = gradient_alone
        self.steps = 0

    def optimiser(self, name: str) -> OptimiserConfig:
        assert name == "net"
        return OptimiserConfig()

    def step(self, batch: Batch, phase: PhaseConfig, update: Update) -> dict[str, Tensor]:
        loss = self.modules["net"](batch.lr).square().mean()
        self.steps += 1
        if self.steps > 2 and self.gradient_alone:
            loss = cast(Tensor, BrokenGradient.apply(loss))  # type: ignore[no-untyped-call]
        elif self.steps > 2:
            loss = loss * torch.nan
        update(loss, ["net"])
        return {"loss": loss}

    def sample(self, lr: Tensor, hr: Tensor | None) -> Tensor:
        return lr


@pytest.mark.parametrize("gradient_alone", [False, True], ids=["loss", "gradient"])
def test_what_is_no_number_stops_and_keeps_the_last_good_checkpoint(
    gradient_alone: bool, cache: Path, tmp_path: Path
) -> None:
    phases = (PhaseConfig(name="all", length=9, trains=("net",)),)
    settings = config(cache)
    training = TrainingConfig(phases=phases, batch=2, checkpoint_minutes=0.0)
    run = Trainer(
        Exploding(gradient_alone=gradient_alone),
        Sampler(settings.data, seed=0),
        training,
        fabric=make_fabric(training, device="cpu"),
        folder=tmp_path,
    )
    with pytest.raises(TrainingError, match=r"step 2: the (loss|gradient) of net is not finite"):
        run.run()
    good = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert good["step"] == 2
    assert all(torch.isfinite(t).all() for t in good["modules"]["net"].values())
    assert not list(tmp_path.glob("*.partial"))


def test_a_phase_that_trains_an_unknown_network_is_refused(cache: Path, tmp_path: Path) -> None:
    phases = (PhaseConfig(name="x", length=1, trains=("l2hh",), hr_pixel=1.0),)
    with pytest.raises(ConfigError, match="'l2hh'"):
        trainer(config(cache, phases=phases), tmp_path)


class TestWeightAverage:
    def test_follows_the_formula_for_buffers_too_and_copies_counters(self) -> None:
        net = nn.BatchNorm1d(2)
        average = WeightAverage({"net": net}, 0.5)
        assert net.running_mean is not None
        with torch.no_grad():
            net.weight.fill_(3.0)
            net.running_mean.fill_(7.0)
            net.num_batches_tracked.fill_(9)  # type: ignore[union-attr]
        average.update(1000)
        slow = average.state_dict()
        torch.testing.assert_close(slow["net.weight"], torch.full((2,), 2.0))
        torch.testing.assert_close(slow["net.running_mean"], torch.full((2,), 3.5))
        assert int(slow["net.num_batches_tracked"]) == 9

    def test_is_in_place_only_inside(self) -> None:
        net = nn.Linear(2, 2)
        average = WeightAverage({"net": net}, 0.9)
        before = net.weight.detach().clone()
        with torch.no_grad():
            net.weight.add_(1)
        moved = net.weight.detach().clone()
        with average.in_place():
            assert torch.equal(net.weight, before)
        assert torch.equal(net.weight, moved)


class TestBatches:
    def test_depend_on_seed_step_and_index_only(self, cache: Path) -> None:
        settings = config(cache)
        sampler = Sampler(settings.data, seed=1)
        whole, half = sampler.batch(5, range(4)), Sampler(settings.data, seed=1).batch(5, [2, 3])
        assert torch.equal(whole.hr[2:], half.hr)
        assert torch.equal(whole.noise[2:], half.noise)
        assert not torch.equal(whole.hr, sampler.batch(6, range(4)).hr)

    def test_have_the_shapes_and_ranges_that_networks_want(self, cache: Path) -> None:
        batch = Sampler(config(cache).data, seed=0).batch(0, range(6))
        assert batch.hr.shape == (6, 3, 64, 64)
        assert batch.lr.shape == batch.target.shape == batch.real.shape == (6, 3, 16, 16)
        assert batch.noise.shape == (6, 1, 64, 64)
        assert batch.hr.abs().max() <= 1
        assert batch.hr.is_contiguous(memory_format=torch.channels_last)

    def test_bicubic_samples_are_pillows(self, cache: Path) -> None:
        import numpy as np
        from PIL import Image

        from gflmser.tensors import to_pixels

        batch = Sampler(config(cache).data, seed=0).batch(0, range(6))
        for hr, target in zip(to_pixels(batch.hr), to_pixels(batch.target), strict=True):
            expected = Image.fromarray(hr).resize((16, 16), Image.Resampling.BICUBIC)
            difference = np.asarray(expected).astype(int) - target
            assert np.abs(difference).max() <= 1  # of what a camera saw, torch makes the target

    def test_leave_out_what_is_excluded(self, cache: Path, tmp_path: Path) -> None:
        import shutil

        from data.prepared import read_index, write_excluded
        from gflmser.training.sampler import CachedFaces

        copy = tmp_path / "copy"
        shutil.copytree(cache, copy)
        first = read_index(copy)[0][0]
        write_excluded(copy, [(first, "lfw/someone.jpg", 0.3)])
        faces = CachedFaces(copy)
        assert (len(faces), faces.dropped) == (5, 1)
        assert 0 not in faces.rows


class TestLoading:
    def test_are_those_of_the_sampler_in_any_order(self, cache: Path) -> None:
        sampler = Sampler(config(cache).data, seed=1)
        batches = Batches(sampler, range(2), torch.device("cpu"))
        for step in (3, 4, 9):  # 9: a training that was resumed elsewhere
            assert torch.equal(batches(step).hr, sampler.batch(step, range(2)).hr)
        batches.close()

    def test_of_processes_are_the_same(self, cache: Path) -> None:
        sampler = Sampler(config(cache).data, seed=1)
        ahead = iter(loader(Steps(sampler, range(2)), first=5, processes=1))
        for step in (5, 6):
            assert torch.equal(next(ahead).hr, sampler.batch(step, range(2)).hr)


DDP = """
import sys
import time
import torch
torch.set_num_threads(1)
from pathlib import Path
from gflmser.training.sampler import Sampler
from gflmser.recipe import GFLmserRecipe
from gflmser.training.fabric import make_fabric
from gflmser.training.loop import Trainer
from tests.gflmser.conftest import config
settings = config(Path(sys.argv[1]), clip=0.0)
torch.manual_seed(settings.seed)
fabric = make_fabric(settings.training, device="cpu", devices=2)
run = Trainer(
    GFLmserRecipe(settings), Sampler(settings.data, seed=settings.seed), settings.training,
    fabric=fabric, folder=Path(sys.argv[2]),
)
assert fabric.world_size == 2
begun = time.process_time()
run.run()
print(time.process_time() - begun)
"""


def test_two_processes_are_one_of_twice_the_batch(cache: Path, tmp_path: Path) -> None:
    settings = config(cache, clip=0.0)
    one = trainer(settings, tmp_path / "one")
    one.run()
    script = tmp_path / "ddp.py"
    script.write_text(DDP)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    root = Path(__file__).resolve().parents[3]
    running = [
        subprocess.Popen(
            [sys.executable, str(script), str(cache), str(tmp_path / "two")],
            cwd=root,
            env={
                **os.environ,
                "PYTHONPATH": str(root),
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(port),
                "WORLD_SIZE": "2",
                "LOCAL_WORLD_SIZE": "2",
                "RANK": str(rank),
                "LOCAL_RANK": str(rank),
                "GROUP_RANK": "0",
                "TORCHELASTIC_RUN_ID": "test",
                "OMP_NUM_THREADS": "1",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for rank in range(2)
    ]
    spent: list[float] = []
    for process in running:
        printed, errors = process.communicate(timeout=240)
        assert process.returncode == 0, errors.decode()
        spent.append(float(printed.split()[-1]))
    two = torch.load(tmp_path / "two" / "checkpoint.pt", weights_only=True)
    for name, module in one.recipe.modules.items():
        for key, tensor in module.state_dict().items():
            torch.testing.assert_close(two["modules"][name][key], tensor, atol=2e-4, rtol=1e-3)
    assert max(spent) < two["cpu_seconds"] <= sum(spent)  # of both, not of one alone


def test_curves_are_one_image_over_interruptions(cache: Path, tmp_path: Path) -> None:
    from gflmser.training.curves import draw_curves, read_curves
    from gflmser.training.logs import TrainingLog

    folder = tmp_path / "interrupted"
    for part in (range(0, 3), range(2, 6)):
        log = TrainingLog(folder, None)
        for step in part:
            log.scalars({"loss/hr_pixel": 1.0 / (step + 1), "val/crop1/psnr_rgb": step}, step)
        log.close()
    assert [step for step, _ in read_curves(folder)["loss/hr_pixel"]] == list(range(6))
    draw_curves([folder], tmp_path / "one.png")
    draw_curves([folder, folder], tmp_path / "two.png")
    one, two = (Image.open(tmp_path / name) for name in ("one.png", "two.png"))
    assert two.size == (one.width, 2 * one.height)
    lower = two.convert("L").crop((0, one.height, one.width, 2 * one.height))
    assert lower.histogram()[255] < 0.99 * lower.width * lower.height
    with pytest.raises(ValueError, match=r"no curves in .*empty"):
        draw_curves([folder, tmp_path / "empty"], tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()


def test_a_schedule_fits_into_the_time_that_is_given(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = itertools.count(step=0.5)
    monkeypatch.setattr("gflmser.training.loop.time.monotonic", lambda: next(clock))
    long = (
        PhaseConfig(name="pixel", length=10**6, trains=("h2l",), lr_pixel=1.0),
        PhaseConfig(name="restore", length=10**6, trains=("l2h",), hr_pixel=1.0),
    )
    said = io.StringIO()
    outcome, weights = METHOD.train(config(cache, phases=long), tmp_path, within=1, stream=said)
    assert outcome.finished
    assert weights is not None
    assert 60 < outcome.step <= 120  # half a second of that clock each, or a whole one
    first, *_, last = said.getvalue().splitlines()
    assert "lr_pixel" in first
    assert "hr_pixel" in last


def test_a_pace_follows_steps_or_time_and_never_goes_back() -> None:
    assert Pace(100, None).place(7, 1e9) == 7
    timed = Pace(1000, 2.0)
    assert [timed.place(1, s) for s in (0.0, 60.0, 30.0, 500.0)] == [0, 500, 500, 1000]
    with pytest.raises(ValueError, match="above 0 minutes"):
        Pace(10, 0.0)


def test_a_warm_up_takes_its_steps_however_short_the_time() -> None:
    pace = Pace(1000, 1.0, slow=[range(0, 3), range(500, 502)])
    places = [pace.place(step, 2.0 * step) for step in range(20)]
    assert places[:4] == [0, 1, 2, 3]
    assert places[4] == 133
    assert places[15:18] == [500, 501, 502]
    assert pace.place(20, 60.0) == 1000
