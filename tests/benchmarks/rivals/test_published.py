"""Public weight files of the originals: their names, their layouts, and files that are not them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from data.errors import ModelError
from pipeline.methods import load_trained
from pipeline.origins import import_weights

Arrays = dict[str, NDArray[np.float32]]


class LeftthomasBlock(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(64, 64, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(64)
        self.prelu = nn.PReLU()
        self.conv2 = nn.Conv2d(64, 64, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(64)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = x + self.bn2(self.conv2(self.prelu(self.bn1(self.conv1(x)))))
        return made


class LeftthomasUp(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(64, 256, 3, padding=1)
        self.prelu = nn.PReLU()

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.prelu(functional.pixel_shuffle(self.conv(x), 2))
        return made


class Leftthomas(nn.Module):
    """The layout of that project, from its description: images in [0, 1] on both sides."""

    def __init__(self) -> None:
        super().__init__()
        self.block1 = nn.Sequential(nn.Conv2d(3, 64, 9, padding=4), nn.PReLU())
        for number in range(2, 7):
            self.add_module(f"block{number}", LeftthomasBlock())
        self.block7 = nn.Sequential(nn.Conv2d(64, 64, 3, padding=1), nn.BatchNorm2d(64))
        self.block8 = nn.Sequential(LeftthomasUp(), LeftthomasUp(), nn.Conv2d(64, 3, 9, padding=4))

    def forward(self, x: Tensor) -> Tensor:
        first = x = self.block1(x)
        for number in range(2, 7):
            x = self.get_submodule(f"block{number}")(x)
        return (torch.tanh(self.block8(first + self.block7(x))) + 1) / 2


def randomised(model: nn.Module) -> nn.Module:
    """Every tensor unlike any other, also the figures of batch normalisation."""
    generator = torch.Generator().manual_seed(0)
    for key, tensor in model.state_dict().items():
        if tensor.is_floating_point():
            noise = torch.rand(tensor.shape, generator=generator)
            scale = 0.5 + noise if "running_var" in key or "bn" in key else 0.04 * (noise - 0.5)
            tensor.copy_(scale)
    return model.eval()


def test_leftthomas_restores_as_the_original(tmp_path: Path) -> None:
    original = randomised(Leftthomas())
    file = tmp_path / "netG_epoch_4_100.pth"
    torch.save(original.state_dict(), file)
    restorer, card = load_trained(import_weights(file, "srgan-leftthomas", tmp_path))
    assert (card.method, card.name) == ("srgan", "srgan-leftthomas")
    assert card.origin.startswith("netG_epoch_4_100.pth sha256:")
    lr = torch.rand(1, 3, 12, 9)
    with torch.no_grad():
        assert torch.allclose((restorer(lr * 2 - 1) + 1) / 2, original(lr), atol=2e-3)


def brade_arrays() -> Arrays:
    """The variables of the TensorFlow generator, kernels as height, width, in, out."""
    rng = np.random.default_rng(0)

    def small(*shape: int) -> NDArray[np.float32]:
        return rng.normal(0, 0.02, shape).astype(np.float32)

    def normalisation(name: str) -> Arrays:
        return {
            f"{name}/beta": small(64),
            f"{name}/moving_mean": small(64),
            f"{name}/moving_variance": rng.uniform(0.5, 1.5, 64).astype(np.float32),
        }

    made = {
        "input_stage/conv/Conv/weights": small(9, 9, 3, 64),
        "input_stage/conv/Conv/biases": small(64),
        "input_stage/Prelu/alpha": small(64),
        "resblock_output/conv/Conv/weights": small(3, 3, 64, 64),
        **normalisation("resblock_output/BatchNorm"),
        "output_stage/conv/Conv/weights": small(9, 9, 64, 3),
        "output_stage/conv/Conv/biases": small(3),
    }
    for number in range(1, 17):
        name = f"resblock_{number}"
        made |= {
            f"{name}/conv_1/Conv/weights": small(3, 3, 64, 64),
            f"{name}/conv_2/Conv/weights": small(3, 3, 64, 64),
            f"{name}/Prelu/alpha": small(64),
            **normalisation(f"{name}/BatchNorm"),
            **normalisation(f"{name}/BatchNorm_1"),
        }
    for number in (1, 2):
        name = f"subpixelconv_stage{number}"
        made |= {
            f"{name}/conv/Conv/weights": small(3, 3, 64, 256),
            f"{name}/conv/Conv/biases": small(256),
            f"{name}/Prelu/alpha": small(64),
        }
    return {f"generator/generator_unit/{key}": value for key, value in made.items()}


def brade_restore(arrays: Arrays, lr: Tensor) -> Tensor:
    """The TensorFlow graph written out with torch's functions."""
    v = {k.removeprefix("generator/generator_unit/"): torch.tensor(a) for k, a in arrays.items()}

    def conv(x: Tensor, name: str) -> Tensor:
        kernel = v[f"{name}/Conv/weights"].permute(3, 2, 0, 1)
        return functional.conv2d(
            x, kernel, v.get(f"{name}/Conv/biases"), padding=kernel.shape[-1] // 2
        )

    def slope(x: Tensor, name: str) -> Tensor:
        return functional.relu(x) + v[f"{name}/Prelu/alpha"].view(1, -1, 1, 1) * x.clamp(max=0)

    def normal(x: Tensor, name: str) -> Tensor:
        mean, variance, beta = (
            v[f"{name}/{field}"].view(1, -1, 1, 1)
            for field in ("moving_mean", "moving_variance", "beta")
        )
        return (x - mean) / (variance + 1e-3).sqrt() + beta

    first = x = slope(conv(lr, "input_stage/conv"), "input_stage")
    for number in range(1, 17):
        name = f"resblock_{number}"
        inner = slope(normal(conv(x, f"{name}/conv_1"), f"{name}/BatchNorm"), name)
        x = x + normal(conv(inner, f"{name}/conv_2"), f"{name}/BatchNorm_1")
    x = first + normal(conv(x, "resblock_output/conv"), "resblock_output/BatchNorm")
    for number in (1, 2):
        name = f"subpixelconv_stage{number}"
        x = slope(functional.pixel_shuffle(conv(x, f"{name}/conv"), 2), name)
    return conv(x, "output_stage/conv")


def test_brade31919_restores_as_the_original(tmp_path: Path) -> None:
    arrays = brade_arrays()
    file = tmp_path / "srgan.npz"
    extra = {"generator_optimizer/beta1_power": np.float32(0.5)}  # left out
    np.savez(file, **arrays, **extra)
    path = import_weights(file, "srgan-brade31919", tmp_path, name="srgan-raise")
    restorer, card = load_trained(path)
    assert card.name == "srgan-raise"
    lr = torch.rand(1, 3, 8, 11)
    with torch.no_grad():
        expected = brade_restore(arrays, lr)
        assert torch.allclose(restorer(lr * 2 - 1), expected, atol=2e-3)


def bulat_state() -> dict[str, Tensor]:
    """Names and shapes of the released generator, written out from its description."""
    shapes: dict[str, tuple[int, ...]] = {"layers_in.weight": (256, 3, 3, 3)}

    def normalisation(name: str, width: int) -> None:
        for field in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{name}.{field}"] = (width,)

    for stage, (count, entry, width) in enumerate([(12, 256, 256), (3, 256, 128)]):
        for index in range(count):
            name = f"layers_set_final.{stage}.{index}"
            before = entry if index == 0 else width
            normalisation(f"{name}.bn1", before)
            normalisation(f"{name}.bn2", width)
            shapes[f"{name}.conv1.weight"] = (width, before, 3, 3)
            shapes[f"{name}.conv2.weight"] = (width, width, 3, 3)
            if before != width:
                shapes[f"{name}.skip.weight"] = (width, before, 1, 1)
                shapes[f"{name}.skip.bias"] = (width,)
        normalisation(f"layers_set_final_up.{stage}.1", width)
        shapes[f"layers_set_final_up.{stage}.3.weight"] = (width, width, 1, 1)
        shapes[f"layers_set_final_up.{stage}.3.bias"] = (width,)
    shapes |= {
        "a1.0.weight": (128, 256, 1, 1),
        "a1.0.bias": (128,),
        "a2.0.weight": (96, 128, 1, 1),
        "a2.0.bias": (96,),
        "main.0.weight": (96, 128, 3, 3),
        "main.2.weight": (96, 96, 1, 1),
        "main.2.bias": (96,),
        "main.4.weight": (3, 96, 1, 1),
        "main.4.bias": (3,),
    }
    generator = torch.Generator().manual_seed(0)
    return {
        key: (torch.rand(shape, generator=generator) - 0.5) * 0.1
        + (1.0 if re.search(r"running_var|(bn\d|\.1)\.weight$", key) else 0.0)
        for key, shape in shapes.items()
    }


def test_bulats_released_generator_is_read_whole(tmp_path: Path) -> None:
    state = bulat_state()
    learnt = [t.numel() for k, t in state.items() if "running" not in k]
    assert sum(learnt) == 15_490_403
    file = tmp_path / "model.pkl"
    torch.save({f"module.{key}": tensor for key, tensor in state.items()}, file)
    restorer, card = load_trained(import_weights(file, "bulat", tmp_path))
    assert card.method == "bulat"
    assert "a2.0.weight, a2.0.bias" in card.limits[1]
    ours = restorer.state_dict()
    pairs = {
        "head.weight": "layers_in.weight",
        "stage1.11.conv2.weight": "layers_set_final.0.11.conv2.weight",
        "stage2.0.skip.bias": "layers_set_final.1.0.skip.bias",
        "stage2.2.bn1.running_var": "layers_set_final.1.2.bn1.running_var",
        "up1.3.weight": "layers_set_final_up.0.3.weight",
        "up2.1.bias": "layers_set_final_up.1.1.bias",
        "bypass2.weight": "a1.0.weight",
        "tail.4.bias": "main.4.bias",
    }
    for mine, theirs in pairs.items():
        assert torch.allclose(ours[mine], state[theirs], atol=1e-3), mine
    with torch.no_grad():
        assert restorer(torch.rand(1, 3, 16, 16)).shape == (1, 3, 64, 64)


class Junyanz(nn.Module):
    """The layout of that project's ResNet generator, from its description: [-1, 1], same size."""

    def __init__(self, blocks: int, width: int = 64) -> None:
        super().__init__()

        def normal(before: nn.Module, after: int) -> list[nn.Module]:
            return [before, nn.InstanceNorm2d(after), nn.ReLU()]

        class Block(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                wide = 4 * width
                self.conv_block = nn.Sequential(
                    nn.ReflectionPad2d(1),
                    *normal(nn.Conv2d(wide, wide, 3), wide),
                    nn.ReflectionPad2d(1),
                    *normal(nn.Conv2d(wide, wide, 3), wide)[:2],
                )

            def forward(self, x: Tensor) -> Tensor:
                made: Tensor = x + self.conv_block(x)
                return made

        def up(before: int) -> nn.Module:
            return nn.ConvTranspose2d(before, before // 2, 3, 2, 1, output_padding=1)

        self.model = nn.Sequential(
            nn.ReflectionPad2d(3),
            *normal(nn.Conv2d(3, width, 7), width),
            *normal(nn.Conv2d(width, 2 * width, 3, 2, 1), 2 * width),
            *normal(nn.Conv2d(2 * width, 4 * width, 3, 2, 1), 4 * width),
            *(Block() for _ in range(blocks)),
            *normal(up(4 * width), 2 * width),
            *normal(up(2 * width), width),
            nn.ReflectionPad2d(3),
            nn.Conv2d(width, 3, 7),
            nn.Tanh(),
        )

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.model(x)
        return made


@pytest.mark.parametrize("blocks", [6, 9])
def test_junyanz_restores_as_the_original(tmp_path: Path, blocks: int) -> None:
    original = randomised(Junyanz(blocks)).half().float()  # as the file keeps it
    state = original.state_dict()
    assert {"model.1.weight", "model.4.bias", "model.10.conv_block.5.weight"} <= state.keys()
    file = tmp_path / "latest_net_G.pth"
    torch.save(state, file)
    restorer, card = load_trained(import_weights(file, "cyclegan-junyanz", tmp_path))
    assert (card.method, card.network["blocks"], len(card.limits)) == ("cyclegan", blocks, 1)
    lr = torch.rand(1, 3, 8, 8) * 2 - 1
    with torch.no_grad():
        large = functional.interpolate(lr, scale_factor=4, mode="bicubic", align_corners=False)
        assert original(large).std() > 0.01
        assert torch.allclose(restorer(lr), original(large), atol=1e-4)


def test_what_instance_norm_left_in_old_files_is_told(tmp_path: Path) -> None:
    old = {
        "model.2.running_mean": torch.zeros(64),
        "model.10.conv_block.2.running_var": torch.ones(256),
    }
    torch.save({**Junyanz(6).state_dict(), **old}, tmp_path / "latest_net_G.pth")
    made = import_weights(tmp_path / "latest_net_G.pth", "cyclegan-junyanz", tmp_path)
    assert all(key in load_trained(made)[1].limits[1] for key in old)


@pytest.mark.parametrize("key", ["model.2.weight", "model.10.conv_block.6.weight", "model.3.bias"])
def test_a_generator_of_another_kind_is_refused(tmp_path: Path, key: str) -> None:
    """Affine normalisation, dropout between the convolutions (pix2pix), another order."""
    torch.save({**Junyanz(6).state_dict(), key: torch.zeros(64)}, tmp_path / "net.pth")
    with pytest.raises(ModelError, match=f"'{key}' is not part"):
        import_weights(tmp_path / "net.pth", "cyclegan-junyanz", tmp_path)


@pytest.mark.parametrize("origin", ["bulat", "srgan-leftthomas", "cyclegan-junyanz"])
def test_a_missing_a_strange_and_a_misshapen_tensor_are_named(tmp_path: Path, origin: str) -> None:
    makers = {
        "bulat": bulat_state,
        "srgan-leftthomas": lambda: Leftthomas().state_dict(),
        "cyclegan-junyanz": lambda: Junyanz(6).state_dict(),
    }
    state = makers[origin]()
    key = next(iter(state))
    cases = {
        "is missing": {k: t for k, t in state.items() if k != key},
        "'surprise' is not part": {**state, "surprise": torch.zeros(1)},
        r"is \(1,\), not": {**state, key: torch.zeros(1)},
    }
    for message, broken in cases.items():
        torch.save(broken, tmp_path / "broken.pth")
        with pytest.raises(ModelError, match=message):
            import_weights(tmp_path / "broken.pth", origin, tmp_path)


def test_files_that_could_run_code_are_not_opened(tmp_path: Path) -> None:
    objects = {"generator/generator_unit/x": np.array([object()])}
    np.savez(tmp_path / "objects.npz", **objects)
    with pytest.raises(ModelError, match=r"objects\.npz cannot be read"):
        import_weights(tmp_path / "objects.npz", "srgan-brade31919", tmp_path)
    torch.save(Leftthomas(), tmp_path / "model.pth")
    with pytest.raises(ModelError, match=r"model\.pth"):
        import_weights(tmp_path / "model.pth", "srgan-leftthomas", tmp_path)


def test_an_unknown_origin_is_answered_with_the_nearest_one(tmp_path: Path) -> None:
    (tmp_path / "x.pth").touch()
    with pytest.raises(ModelError, match="nearest one is 'srgan-leftthomas'"):
        import_weights(tmp_path / "x.pth", "esrgan", tmp_path)
