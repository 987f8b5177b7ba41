"""Networks by torch.compile: the same images, whatever comes before them, or one clear line."""

from __future__ import annotations

import logging
import os
import shutil
import sysconfig
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from data.images.files import load_rgb
from data.images.rgb import RGB
from gflmser.config import NetworkConfig, Widths
from gflmser.load import card_of
from gflmser.network import GFLmser
from gflmser.weights import save_weights
from pipeline.upscalers.base import LoadOptions
from pipeline.upscalers.inference.batched import NetworkUpscaler
from pipeline.upscalers.inference.network import Network
from pipeline.upscalers.trained import TrainedWeights
from tests.pipeline.conftest import Run

COMPILER = os.environ.get("CXX", "g++")
compiles = pytest.mark.skipif(
    not (shutil.which(COMPILER) and Path(sysconfig.get_path("include"), "Python.h").is_file()),
    reason=f"torch.compile needs {COMPILER} and Python.h, which are not both here",
)
OPTIONS = LoadOptions(device="cpu", compiled=True)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A narrow network with the shipped one's parts in fewer modules; its last layer counts."""
    torch.manual_seed(0)
    widths = Widths(r64=4, r32=4, r16=8, r8=8, r4=8)
    config = NetworkConfig(
        widths=widths,
        modules=5,
        groups=1,
        blocks=1,
        source="internal",
        upsampling="shuffle",
        bicubic_residual=True,
    )
    model = GFLmser(config)
    with torch.no_grad():
        model.l2h.body.tail.weight.normal_(0, 0.1)
    folder = tmp_path_factory.mktemp("weights")
    return str(save_weights(model, card_of("narrow", config), folder))


@pytest.fixture(scope="module")
def crops(samples: Path) -> list[RGB]:
    """Faces as the degradation makes them, 16x16, and one of an odd size among them."""
    with Image.open(samples / "obama.jpg") as image:
        face = image.convert("RGB").crop((150, 40, 350, 240))
    sizes = [(16, 16), (16, 16), (11, 23), *[(16, 16)] * 4]
    return [
        np.asarray(face.crop((5 * i, 3 * i, 180, 190)).resize((width, height)))
        for i, (height, width) in enumerate(sizes)
    ]


@compiles
def test_compiled_gives_the_plain_images_whatever_stands_beside_them(
    weights: str, crops: list[RGB]
) -> None:
    load = TrainedWeights().load
    plain = load(weights, replace(OPTIONS, compiled=False))(crops)
    compiled = load(weights, OPTIONS)
    together = compiled(crops)
    for one, other in zip(plain, together, strict=True):
        assert np.abs(one.astype(int) - other).max() <= 1
    assert any(np.ptp(image) > 50 for image in together)
    alone = load(weights, replace(OPTIONS, batch_size=1))
    one_by_one = [alone([crop])[0] for crop in crops[::-1]]
    for one, other in zip(one_by_one[::-1], together, strict=True):
        assert np.array_equal(one, other)


@compiles
def test_more_sizes_than_torch_compiles_by_itself_are_compiled() -> None:
    compiled_calls = []

    def run(batch: Tensor) -> Tensor:
        compiled_calls.append(torch.compiler.is_compiling())
        return batch.repeat_interleave(4, 2).repeat_interleave(4, 3)

    upscaler = NetworkUpscaler(
        Network(name="nearest", scale=4, run=run, pure=True), torch.device("cpu"), OPTIONS
    )
    images = [np.full((4, width, 3), width, np.uint8) for width in range(2, 14)]
    for image, made in zip(images, upscaler(images), strict=True):
        assert np.array_equal(made, image.repeat(4, 0).repeat(4, 1))
    assert compiled_calls and all(compiled_calls)


def test_without_a_compiler_the_user_reads_one_line(
    run: Run, lr_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torch._inductor import config as inductor

    # A network that no other test compiles: nothing of it is in this process's caches.
    widths = Widths(r64=4, r32=4, r16=4, r8=4, r4=4)
    config = NetworkConfig(widths, modules=5, groups=1, blocks=1, source="none", gate="none")
    other = save_weights(GFLmser(config), card_of("other", config), tmp_path)
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))
    words = (lr_folder, "--out", tmp_path / "out", "--upscaler", other, "--device", "cpu")
    with inductor.patch({"cpp.cxx": (str(tmp_path / "no-compiler"),)}):
        done = run("upscale", *words, "--compile", "--quiet")
    assert done.exit_code == 2
    (line,) = str(done.exception).splitlines()
    assert "other: torch.compile does not work here" in line
    assert "no-compiler" in line


@compiles
def test_the_option_changes_no_more_than_a_rounding(
    run: Run, weights: str, lr_folder: Path, tmp_path: Path
) -> None:
    words = ("upscale", lr_folder, "--upscaler", weights, "--device", "cpu", "--quiet")
    assert run(*words, "--out", tmp_path / "plain").exit_code == 0
    assert run(*words, "--out", tmp_path / "compiled", "--compile").exit_code == 0
    made = sorted((tmp_path / "plain").rglob("*.png"))
    assert made
    for file in made:
        other = load_rgb(tmp_path / "compiled" / file.relative_to(tmp_path / "plain"))
        assert np.abs(load_rgb(file).astype(int) - other).max() <= 1


def test_a_network_that_is_not_pure_stays_as_it_is(
    crops: list[RGB], caplog: pytest.LogCaptureFixture
) -> None:
    def run(batch: Tensor) -> Tensor:
        assert not torch.compiler.is_compiling()
        return batch.repeat_interleave(2, 2).repeat_interleave(2, 3)

    network = Network(name="noisy", scale=2, run=run)
    with caplog.at_level(logging.WARNING):
        made = NetworkUpscaler(network, torch.device("cpu"), OPTIONS)(crops[:1])
    assert "noisy is not compiled" in caplog.text
    assert np.array_equal(made[0], crops[0].repeat(2, 0).repeat(2, 1))
