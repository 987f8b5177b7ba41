"""The rivals in the training loop: configurations, steps, weights, and restoring with them."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from benchmarks.rivals.wavelet_srnet.recipe import WaveletConfig, WaveletRecipe
from data.errors import ModelError
from gflmser.config import DataConfig, OptimiserConfig, SourceConfig, TrainingConfig
from gflmser.schema import ConfigError
from gflmser.training.loop import Outcome
from gflmser.training.method import RestoringRecipe
from gflmser.training.sampler import Sampler
from gflmser.training.schedule import Span, learning_rate
from gflmser.weights import SHIPPED, files, read_card
from pipeline.methods import find_method, load_trained, read_config, verify_trained
from pipeline.origins import origin_names
from pipeline.upscalers.loading import load_upscaler, upscaler_names
from pipeline.upscalers.trained import TrainedWeights

# ruff: noqa: ANN401 - configurations of four methods have no common type
METHODS = ("bulat", "cyclegan", "srgan", "wavelet-srnet")
FOLDERS = Path(__file__).resolve().parents[3] / "benchmarks" / "rivals"


def toml_of(name: str, kind: str) -> Path:
    """SRResNet is a phase of SRGAN and lives in its folder."""
    if name == "srresnet":
        return FOLDERS / "srgan" / f"srresnet-{kind}.toml"
    return FOLDERS / name.replace("-", "_") / f"{kind}.toml"


TINY = {
    "srgan": [
        "network.width=8", "network.blocks=1", "network.judge_width=4", "network.judge_dense=8",
    ],
    "cyclegan": [
        "network.width=8", "network.blocks=1", "network.judge_width=8", "network.pool=4",
    ],
    "bulat": [
        "network.h2l_width=8", "network.l2h_widths=[8, 8, 8]", "network.l2h_blocks=[1, 1]",
        "network.judge_width=8",
    ],
    "wavelet-srnet": ["network.widths=[8, 8]", "network.blocks=1", "network.head_width=2"],
}  # fmt: skip


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory, samples: Path) -> Path:
    """A prepared dataset of a dozen squares of the sample images."""
    folder = tmp_path_factory.mktemp("cache")
    with Image.open(samples / "solvay16.png") as image:
        rgb = np.asarray(image.convert("RGB"))
    squares = [rgb[at : at + 64, 20 * at // 8 :][:, :64] for at in range(0, 96, 8)]
    np.save(folder / "images.npy", np.stack(squares))
    (folder / "cache.json").write_text(json.dumps({"name": "solvay"}))
    with (folder / "index.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image"])
        writer.writerows([f"{index}.png"] for index in range(len(squares)))
    return folder


def load_config(path: Path, settings: Sequence[str] = ()) -> Any:
    return read_config(path, settings)[1]


def make_recipe(config: Any) -> RestoringRecipe:
    return find_method(config.method).recipe(config)


def tiny(name: str, cache: Path) -> Any:
    """The lite configuration with small networks, one step for each phase, on `cache`."""
    config = load_config(toml_of(name, "lite"), TINY[name])
    data = DataConfig(sources=(SourceConfig(path=str(cache)),))
    phases = tuple(replace(phase, length=1) for phase in config.training.phases)
    training = TrainingConfig(phases=phases, batch=2, ema=config.training.ema, clip=1.0)
    return replace(config, data=data, training=training)


def train_rival(config: Any, folder: Path, **options: Any) -> tuple[Outcome, Path | None]:
    return find_method(config.method).train(config, folder, **options)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("kind", ["paper", "lite"])
def test_configurations_are_read(name: str, kind: str) -> None:
    path = toml_of(name, kind)
    config = load_config(path)
    assert config.method == name
    trained = {module for phase in config.training.phases for module in phase.trains}
    with torch.device("meta"):
        recipe = make_recipe(config)
    assert trained == set(recipe.modules)
    for module in recipe.modules:
        assert recipe.optimiser(module).rate > 0


def test_paper_configurations_have_the_papers_sizes() -> None:
    for name in METHODS:
        config = load_config(toml_of(name, "paper"))
        assert config.network == type(config)().network


@pytest.mark.parametrize("kind", ["paper", "lite"])
def test_srresnet_is_the_generator_of_srgan_alone(kind: str) -> None:
    alone, whole = (load_config(toml_of(name, kind)) for name in ("srresnet", "srgan"))
    assert (alone.method, alone.network) == ("srgan", whole.network)
    assert alone.data.sources == whole.data.sources
    assert {phase.trains for phase in alone.training.phases} == {("generator",)}
    assert all(phase.gan == 0 for phase in alone.training.phases)


def test_lite_configurations_are_small_and_see_the_data_of_the_ablation() -> None:
    import gflmser
    from gflmser.config import Config
    from gflmser.schema import load

    ours = load(Config, Path(gflmser.__file__).parent / "configs" / "ablation.toml")
    for name in METHODS:
        config = load_config(toml_of(name, "lite"))
        assert config.data.sources == ours.data.sources
        assert config.data.camera == ours.data.camera
        with torch.device("meta"):
            restorer = make_recipe(config).restorer
        assert 2 * sum(p.numel() for p in restorer.parameters()) < 8e6


def test_a_configuration_without_a_method_is_of_gflmser() -> None:
    import gflmser

    path = Path(gflmser.__file__).parent / "configs" / "lite.toml"
    assert read_config(path)[0].name == "gflmser"
    assert read_config(path, ["method=gflmser"])[1] == read_config(path)[1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param('method = "srgam"', "nearest one is 'srgan'", id="unknown-method"),
        pytest.param('method = "srgan"\n[network]\nblock = 3', "blocks", id="misspelt"),
        pytest.param("method = ", "Invalid value", id="no-toml"),
        pytest.param(
            'method = "srgan"\n[training]\nhr_loss = "mse"',
            "'training.hr_loss' is a key of the method gflmser, not of srgan",
            id="key-of-gflmser",
        ),
        pytest.param(
            'method = "srgan"\n[[training.phases]]\nname = "a"\nlength = 1\nhr_detector = 0.3',
            r"'training\.phases\[0\]\.hr_detector' is a key of the method gflmser",
            id="key-of-gflmser-in-a-phase",
        ),
    ],
)
def test_configurations_that_cannot_be(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises((ConfigError, ModelError), match=message):
        load_config(path)


@pytest.mark.parametrize("name", METHODS)
def test_each_update_moves_its_own_modules_only(name: str, cache: Path) -> None:
    torch.manual_seed(0)
    config = tiny(name, cache)
    recipe = make_recipe(config)
    batch = Sampler(config.data, seed=0).batch(0, range(2))
    updated: list[str] = []

    def update(loss: Tensor, names: list[str]) -> None:
        for module in recipe.modules.values():
            module.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        for key, module in recipe.modules.items():
            grads = [p.grad for p in module.parameters() if p.requires_grad]
            moved = any(g is not None and bool(g.abs().sum() > 0) for g in grads)
            assert moved == (key in names), f"{key} in the update of {names}"
        updated.extend(names)

    for phase in config.training.phases:
        updated.clear()
        losses = recipe.step(batch, phase, update)  # type: ignore[arg-type]
        assert set(updated) == set(phase.trains)
        assert all(torch.isfinite(loss) for loss in losses.values())


@pytest.mark.parametrize("name", METHODS)
def test_sampling_sees_only_the_low_resolution_image_and_changes_nothing(
    name: str, cache: Path
) -> None:
    torch.manual_seed(0)
    recipe = make_recipe(tiny(name, cache))
    lr = torch.rand(4, 3, 16, 16) * 2 - 1
    before = {k: v.clone() for k, v in recipe.restorer.state_dict().items()}
    with torch.no_grad():
        together = recipe.sample(lr, torch.full((4, 3, 64, 64), torch.nan))
        alone = recipe.sample(lr[:1], None)
    assert together.shape == (4, 3, 64, 64)
    assert torch.allclose(together[:1], alone, atol=1e-5)
    assert recipe.restorer.training
    for key, value in recipe.restorer.state_dict().items():
        assert torch.equal(before[key], value), key


def test_weight_decay_is_that_of_adam(cache: Path) -> None:
    torch.manual_seed(0)
    config = tiny("wavelet-srnet", cache)
    assert isinstance(config, WaveletConfig)
    recipe = WaveletRecipe(config)
    batch = Sampler(config.data, seed=0).batch(0, range(2))
    decay = 0.25
    grads: dict[float, list[Tensor]] = {}
    for weight in (0.0, decay):
        recipe.config = replace(config, losses=replace(config.losses, decay=weight))

        def update(loss: Tensor, names: list[str], weight: float = weight) -> None:
            recipe.restorer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            grads[weight] = [p.grad.clone() for p in recipe.restorer.parameters()]  # type: ignore[union-attr]

        recipe.step(batch, config.training.phases[0], update)  # type: ignore[arg-type]
    for plain, decayed, parameter in zip(
        grads[0.0], grads[decay], recipe.restorer.parameters(), strict=True
    ):
        expected = plain + decay * parameter.detach()
        assert torch.allclose(decayed, expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max()))


@pytest.mark.parametrize("name", METHODS)
def test_training_ends_in_weights_that_restore(
    name: str, cache: Path, tmp_path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny(name, cache)
    outcome, path = train_rival(config, tmp_path, commit="abc")
    assert outcome.finished
    assert path == tmp_path / f"{name}.safetensors"
    assert path.stat().st_mode == path.with_suffix(".json").stat().st_mode
    card = read_card(path)
    assert (card.method, card.steps, card.commit) == (name, len(config.training.phases), "abc")
    assert card.data[0]["name"] == "solvay"
    assert json.loads(path.with_suffix(".json").read_text())["sha256"]

    monkeypatch.setattr("gflmser.weights.SHIPPED", tmp_path)
    assert name in upscaler_names()
    with Image.open(samples / "obama.jpg") as image:
        crop = np.asarray(image.convert("RGB").resize((16, 16)))
    by_name, by_file = load_upscaler(name, device="cpu"), load_upscaler(path, device="cpu")
    assert (by_name.name, by_name.scale, by_name.oracle) == (name, 4, False)
    made = by_name([crop, crop[:1, :1]])
    assert [image.shape for image in made] == [(64, 64, 3), (4, 4, 3)]
    assert np.array_equal(made[0], by_file([crop])[0])

    restorer, _ = load_trained(path)
    lr = torch.from_numpy(crop.copy()).permute(2, 0, 1)[None] / 127.5 - 1
    with torch.no_grad():
        floats = ((restorer(lr)[0].permute(1, 2, 0) + 1) * 127.5).clamp(0, 255).numpy()
    assert np.abs(made[0] - floats).max() < 0.5 + 2e-3


def test_training_can_go_on_where_it_stopped(cache: Path, tmp_path: Path) -> None:
    config = tiny("cyclegan", cache)
    whole, _ = train_rival(config, tmp_path / "whole")
    cut, _ = train_rival(config, tmp_path / "cut", max_minutes=0)
    assert (cut.step, cut.finished) == (0, False)
    resumed, path = train_rival(config, tmp_path / "cut", resume=True)
    assert resumed.finished and resumed.step == whole.step
    one = load_trained(tmp_path / "whole" / "cyclegan.safetensors")[0].state_dict()
    assert path is not None
    for key, value in load_trained(path)[0].state_dict().items():
        assert torch.equal(value, one[key]), key


def test_a_damaged_weight_file_names_the_tensor(cache: Path, tmp_path: Path) -> None:
    from safetensors import safe_open
    from safetensors.torch import save_file

    _, path = train_rival(tiny("bulat", cache), tmp_path)
    assert path is not None
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    tensors["head.weight"] = tensors["head.weight"][:1].clone()
    save_file(tensors, path, metadata)
    with pytest.raises(ModelError, match=r"'head\.weight' is \(1, "):
        load_upscaler_of_rivals(path)
    del tensors["head.weight"]
    save_file(tensors, path, metadata)
    with pytest.raises(ModelError, match=r"'head\.weight' is missing"):
        load_upscaler_of_rivals(path)


def load_upscaler_of_rivals(path: Path) -> None:
    from pipeline.upscalers.base import LoadOptions

    assert TrainedWeights().reads(path)
    TrainedWeights().load(str(path), LoadOptions(device="cpu"))


def test_linear_schedule_is_constant_and_then_falls() -> None:
    training = TrainingConfig(schedule="linear")
    rates = [
        learning_rate(training, OptimiserConfig(rate=1.0), Span(0, 100), step)
        for step in (0, 50, 75, 99)
    ]
    assert rates == pytest.approx([1, 1, 0.5, 0.02])


def test_shipped_rivals_can_be_loaded() -> None:
    rivals = files(SHIPPED / "rivals")
    assert {read_card(path).method for path in rivals} == set(METHODS)
    for path in rivals:
        assert path.stem in TrainedWeights().names()
        assert load_trained(path.stem)[1] == read_card(path)


def test_verifying_finds_what_was_changed(cache: Path, tmp_path: Path) -> None:
    _, path = train_rival(tiny("srgan", cache), tmp_path)
    assert path is not None
    assert verify_trained(path) == []
    card = path.with_suffix(".json")
    text = card.read_text()
    card.write_text(text.replace('"steps": 2', '"steps": 2000'))
    assert verify_trained(path) == ["srgan.json differs from the card inside the file"]
    card.write_text(text)
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    assert verify_trained(path) == [
        "srgan.safetensors is not the file that its card was written for"
    ]
    card.unlink()
    assert verify_trained(path) == ["srgan.json is missing or damaged"]
    assert verify_trained(tmp_path / "absent.safetensors")[0].endswith("does not exist")


def test_the_train_command_takes_a_rival_and_the_weights_command_imports(
    cache: Path, tmp_path: Path
) -> None:
    from click.testing import CliRunner

    from pipeline.commands.train import command as train
    from pipeline.commands.weights import command as weights

    path = tmp_path / "config.toml"
    path.write_text(
        'method = "wavelet-srnet"\nname = "mine"\n'
        "[network]\nwidths = [8]\nblocks = 1\nhead_width = 2\n"
        f'[data]\nsources = [{{ path = "{cache}" }}]\n'
        "[training]\nbatch = 2\n"
        'phases = [{ name = "all", length = 1, trains = ["generator"], hr_pixel = 1.0 }]\n'
    )
    done = CliRunner().invoke(train, [str(path), "--out", str(tmp_path / "out"), "--quiet"])
    assert done.exit_code == 0, done.output
    made = tmp_path / "out" / "mine.safetensors"
    assert f"{made}  step 1, finished" in done.output
    done = CliRunner().invoke(weights, ["verify", str(made)])
    assert done.output == f"{made}: ok\n"
    done = CliRunner().invoke(weights, ["import", "--help"])
    for origin in origin_names():
        assert origin in done.output
