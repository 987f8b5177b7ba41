"""Weight files: spandrel's architectures, GFLmser's own format, and files that are neither."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

from data.errors import ModelError
from data.images.rgb import RGB
from gflmser.config import NetworkConfig, Widths
from gflmser.load import card_of
from gflmser.network import GFLmser
from gflmser.weights import save_weights
from pipeline.upscalers import registry
from pipeline.upscalers.base import LoadOptions, Upscaler
from pipeline.upscalers.inference.torchvision_shim import import_torchvision
from pipeline.upscalers.interpolation import INTERPOLATORS
from pipeline.upscalers.loading import load_upscaler, register, upscaler_names


def esrgan() -> nn.Module:
    import_torchvision()
    from spandrel.architectures.ESRGAN import ESRGAN

    model: nn.Module = ESRGAN(num_filters=8, num_blocks=1, scale=4)
    return model


def swinir() -> nn.Module:
    import_torchvision()
    from spandrel.architectures.SwinIR import SwinIR

    model: nn.Module = SwinIR(
        img_size=16, embed_dim=12, depths=[2], num_heads=[2], window_size=4, mlp_ratio=2.0,
        upscale=2, upsampler="pixelshuffledirect",
    )  # fmt: skip
    return model


def compact() -> nn.Module:
    import_torchvision()
    from spandrel.architectures.Compact import Compact

    model: nn.Module = Compact(num_feat=8, num_conv=2, upscale=4)
    return model


def dncnn(in_channels: int, out_channels: int) -> nn.Module:
    import_torchvision()
    from spandrel.architectures.DnCNN import DnCNN

    mode = "DnCNN" if in_channels == out_channels else "FDnCNN"
    model: nn.Module = DnCNN(
        in_nc=in_channels, out_nc=out_channels, nc=8, nb=8, act_mode="R", mode=mode
    )
    return model


@pytest.fixture(scope="module")
def images(samples: Path) -> list[RGB]:
    with Image.open(samples / "obama.jpg") as image:
        rgb = np.array(image.convert("RGB"))
    sizes = [(16, 16), (13, 21), (16, 16), (16, 16)]
    return [
        np.ascontiguousarray(rgb[100 + 9 * i :, 200:][:h, :w]) for i, (h, w) in enumerate(sizes)
    ]


def saved(model: nn.Module, path: Path) -> Path:
    if path.suffix == ".safetensors":
        save_file({key: tensor.contiguous() for key, tensor in model.state_dict().items()}, path)
    else:
        torch.save({"params_ema": model.state_dict()}, path)
    return path


def seeded(build: Callable[[], nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return build().eval()


def plainly(run: Callable[[Tensor], Tensor], image: RGB) -> NDArray[np.float32]:
    batch = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        floats = run(batch)[0].permute(1, 2, 0)
    made: NDArray[np.float32] = (floats * 255).clamp(0, 255).numpy()
    return made


@pytest.mark.parametrize("suffix", [".safetensors", ".pth", ".ckpt"])
@pytest.mark.parametrize(("build", "scale"), [(esrgan, 4), (swinir, 2), (compact, 4)])
def test_a_file_gives_the_pixels_of_the_plain_network(
    tmp_path: Path, images: list[RGB], build: Callable[[], nn.Module], scale: int, suffix: str
) -> None:
    model = seeded(build)
    upscaler = load_upscaler(saved(model, tmp_path / f"mine{suffix}"), device="cpu")
    assert (upscaler.name, upscaler.scale, upscaler.oracle) == ("mine", scale, False)
    for image, result in zip(images, upscaler(images), strict=True):
        assert result.shape == (image.shape[0] * scale, image.shape[1] * scale, 3)
        assert np.abs(result - plainly(model, image)).max() < 0.5 + 2e-3


def test_an_architecture_that_takes_one_image_is_fed_one_by_one(
    tmp_path: Path, images: list[RGB]
) -> None:
    # spandrel's FDnCNN makes a noise map for one image, whatever the batch
    model = seeded(lambda: dncnn(4, 3))
    upscaler = load_upscaler(saved(model, tmp_path / "fdncnn.pth"), device="cpu")
    squares = [image for image in images if image.shape[0] == image.shape[1]]

    def run(batch: Tensor) -> Tensor:
        made: Tensor = model(torch.cat([batch, torch.full_like(batch[:, :1], 15 / 255)], 1))
        return made

    for image, result in zip(squares, upscaler(squares), strict=True):
        assert np.abs(result - plainly(run, image)).max() < 0.5 + 2e-3


def test_a_grey_network_sees_each_channel(tmp_path: Path, images: list[RGB]) -> None:
    model = seeded(lambda: dncnn(1, 1))
    upscaler = load_upscaler(saved(model, tmp_path / "grey.pth"), device="cpu")
    assert upscaler.scale == 1
    result = upscaler(images)[1]
    expected = plainly(
        lambda batch: torch.cat([model(c) for c in torch.split(batch, 1, 1)], 1), images[1]
    )
    assert np.abs(result - expected).max() < 0.5 + 2e-3


def test_precision_that_the_architecture_cannot_bear(tmp_path: Path) -> None:
    path = saved(seeded(esrgan), tmp_path / "mine.pth")
    with pytest.raises(ModelError, match="fp16 is for GPUs"):
        load_upscaler(path, device="cpu", precision="fp16")


class Malicious:
    """Would make a folder when unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.mkdir, (self.target,)


def test_a_pickle_with_code_is_not_run(tmp_path: Path) -> None:
    evil = Malicious(tmp_path / "was-run")
    torch.save({"params": {"weight": evil}}, tmp_path / "evil.pth")
    with pytest.raises(ModelError, match=r"evil\.pth"):
        load_upscaler(tmp_path / "evil.pth", device="cpu")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps({"weight": evil}))
    with pytest.raises(ModelError, match=r"plain\.pth"):
        load_upscaler(tmp_path / "plain.pth", device="cpu")
    assert not (tmp_path / "was-run").exists()


def test_torchscript_is_refused(tmp_path: Path) -> None:
    scripted = torch.jit.trace(nn.Conv2d(3, 3, 1), torch.zeros(1, 3, 4, 4))  # type: ignore[no-untyped-call]
    scripted.save(str(tmp_path / "scripted.pt"))
    with pytest.raises(ModelError, match=r"scripted\.pt"):
        load_upscaler(tmp_path / "scripted.pt", device="cpu")


@pytest.mark.parametrize("suffix", [".safetensors", ".pth", ".pt", ".ckpt"])
@pytest.mark.parametrize("content", [b"", b"<html>404</html>", bytes(range(256)) * 8])
def test_a_damaged_file_is_one_line(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="broken") as caught:
        load_upscaler(path, device="cpu")
    assert "\n" not in str(caught.value)


def test_an_unknown_architecture_is_one_line(tmp_path: Path) -> None:
    path = saved(nn.Linear(3, 4), tmp_path / "linear.safetensors")
    with pytest.raises(ModelError, match="no architecture that spandrel knows"):
        load_upscaler(path, device="cpu")


def test_an_image_is_no_weight_file(samples: Path) -> None:
    with pytest.raises(ModelError, match=r"obama\.jpg is not a weight file"):
        load_upscaler(samples / "obama.jpg", device="cpu")


def test_importing_spandrel_works_in_a_fresh_process(tmp_path: Path) -> None:
    code = (
        "from pipeline.upscalers.inference import torchvision_shim as s; s.import_torchvision();"
        "import spandrel, torchvision; from torchvision.transforms import functional"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_operators_of_torchvision_that_are_absent_still_fail_when_called() -> None:
    import_torchvision()
    from torchvision import extension, ops

    boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 2.0]])
    if extension._has_ops():
        assert len(ops.nms(boxes, torch.tensor([1.0, 0.5]), 0.5)) == 1
    else:
        with pytest.raises((RuntimeError, NotImplementedError)):
            ops.nms(boxes, torch.tensor([1.0, 0.5]), 0.5)


def tiny(source: str) -> NetworkConfig:
    widths = Widths(r64=4, r32=4, r16=4, r8=4, r4=4)
    return NetworkConfig(widths=widths, groups=1, blocks=1, source=source)  # type: ignore[arg-type]


def gflmser_file(folder: Path, name: str, source: str) -> Path:
    torch.manual_seed(0)
    config = tiny(source)
    return save_weights(GFLmser(config), card_of(name, config), folder)


def test_a_gflmser_file_restores(tmp_path: Path, images: list[RGB]) -> None:
    path = gflmser_file(tmp_path, "tiny", "upsampled")
    upscaler = load_upscaler(path, device="cpu")
    assert (upscaler.name, upscaler.scale, upscaler.oracle) == ("tiny", 4, False)
    from gflmser.restore import load_restorer

    restorer = load_restorer(path)
    for image, result in zip(images, upscaler(images), strict=True):
        expected = restorer(image[None])[0]
        assert np.abs(result.astype(int) - expected).max() <= 1
        assert np.mean(result != expected) < 0.001


def test_an_oracle_is_refused_and_says_why(tmp_path: Path) -> None:
    path = gflmser_file(tmp_path, "tiny-oracle", "hr")
    with pytest.raises(ModelError, match="trained to see the ground truth") as caught:
        load_upscaler(path, device="cpu")
    assert "\n" not in str(caught.value)
    assert load_upscaler(path, device="cpu", allow_oracle=True).oracle


def test_shipped_weights_are_listed_and_load_by_name(
    tmp_path: Path, images: list[RGB], monkeypatch: pytest.MonkeyPatch
) -> None:
    gflmser_file(tmp_path, "gflmser-tiny", "upsampled")
    monkeypatch.setattr("gflmser.weights.SHIPPED", tmp_path)
    names = upscaler_names()
    assert names[:4] == [*INTERPOLATORS]
    assert "gflmser-tiny" in names
    assert "gflmser" not in names
    upscaler = load_upscaler("gflmser-tiny", device="cpu")
    assert upscaler(images[:1])[0].shape == (64, 64, 3)
    with pytest.raises(ModelError, match="did you mean gflmser-tiny"):
        load_upscaler("gflmser-tin", device="cpu")


class Rival:
    """A family of upscalers from elsewhere."""

    def names(self) -> list[str]:
        return ["rival"]

    def reads(self, path: Path) -> bool:
        return path.suffix == ".rival"

    def load(self, name_or_file: str, options: LoadOptions) -> Upscaler:
        return INTERPOLATORS["nearest"]


def test_a_registered_family_needs_no_change_in_its_callers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_registered", [])
    register(Rival())
    (tmp_path / "file.rival").touch()
    assert "rival" in upscaler_names()
    assert load_upscaler("rival") is INTERPOLATORS["nearest"]
    assert load_upscaler(tmp_path / "file.rival") is INTERPOLATORS["nearest"]
