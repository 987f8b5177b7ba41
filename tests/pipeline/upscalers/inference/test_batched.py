"""The batching upscaler around a small convolution: batches, tiles, precision, memory."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from data.errors import ModelError, UsageError
from data.images.rgb import RGB
from pipeline.upscalers.base import LoadOptions
from pipeline.upscalers.inference.batched import NetworkUpscaler
from pipeline.upscalers.inference.network import Network
from pipeline.upscalers.inference.tiles import cuts
from pipeline.upscalers.loading import load_upscaler

CPU = torch.device("cpu")


class Small(nn.Module):
    """Four times up; looks three input pixels around each pixel."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, 48, 3, padding=1),
            nn.PixelShuffle(4),
        )

    def forward(self, batch: Tensor) -> Tensor:
        made: Tensor = self.layers(batch)
        return torch.tanh(4 * made)


class Strided(nn.Module):
    """Halves and doubles the image twice, as GFLmser does, and pads to a multiple of 4 itself."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(8, 8, 3, stride=2, padding=1),
            nn.ConvTranspose2d(8, 8, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(8, 48, 4, stride=2, padding=1),
            nn.PixelShuffle(4),
        )

    def forward(self, batch: Tensor) -> Tensor:
        height, width = batch.shape[-2:]
        down, right = -height % 4, -width % 4
        mode = "reflect" if down < height and right < width else "replicate"
        made: Tensor = self.layers(functional.pad(batch, (0, right, 0, down), mode=mode))
        return torch.tanh(4 * made[..., : 4 * height, : 4 * width])


class Recorder:
    """Runs a network and remembers the shapes that it was given."""

    def __init__(self, run: Callable[[Tensor], Tensor]) -> None:
        self.run = run
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, batch: Tensor) -> Tensor:
        self.shapes.append(tuple(batch.shape))
        return self.run(batch)


def small_network(run: Callable[[Tensor], Tensor] | None = None) -> Network:
    model = Small().eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Network(name="small", scale=4, run=run or model, signed=True)


def upscaler(network: Network | None = None, **options: object) -> NetworkUpscaler:
    given = replace(LoadOptions(device="cpu"), **options)  # type: ignore[arg-type]
    return NetworkUpscaler(network or small_network(), CPU, given)


def crops(samples: Path, sizes: list[tuple[int, int]]) -> list[RGB]:
    with Image.open(samples / "obama.jpg") as image:
        rgb = np.array(image.convert("RGB"))
    rng = np.random.default_rng(0)
    made = []
    for height, width in sizes:
        top = rng.integers(rgb.shape[0] - height)
        left = rng.integers(rgb.shape[1] - width)
        made.append(np.ascontiguousarray(rgb[top : top + height, left : left + width]))
    return made


MIXED = [(16, 16), (11, 23), (16, 16), (1, 1), (33, 20), (16, 16), (11, 23), (16, 16), (16, 16)]


def test_pixels_are_those_of_the_plain_network_rounded(samples: Path) -> None:
    model = Small().eval()
    images = crops(samples, MIXED)
    for image, result in zip(images, upscaler()(images), strict=True):
        batch = torch.from_numpy(image).permute(2, 0, 1)[None] / 127.5 - 1
        with torch.no_grad():
            floats = (model(batch)[0].permute(1, 2, 0).numpy() + 1) * 127.5
        assert result.dtype == np.uint8
        assert result.shape == floats.shape
        assert result.flags.c_contiguous
        # nearest whole number, a hair of float32 noise allowed
        assert np.abs(result - np.clip(floats, 0, 255)).max() < 0.5 + 1e-3


@pytest.mark.parametrize("signed", [True, False])
def test_a_consistent_image_gives_its_input_again_when_reduced(samples: Path, signed: bool) -> None:
    model = Small().eval()
    run = model if signed else lambda batch: (model(2 * batch - 1) + 1) / 2
    network = Network(name="small", scale=4, run=run, signed=signed)
    images = crops(samples, [(16, 16), (24, 32)])
    plain, projected = upscaler(network)(images), upscaler(network, consistent=True)(images)
    for lr, far, near in zip(images, plain, projected, strict=True):
        errors = [
            np.abs(np.asarray(Image.fromarray(sr).resize(lr.shape[1::-1])) * 1.0 - lr).mean()
            for sr in (far, near)
        ]
        assert errors[1] < 2 < errors[0]


def test_only_networks_that_enlarge_by_four_can_be_made_consistent() -> None:
    double = Network(name="double", scale=2, run=lambda batch: batch)
    with pytest.raises(ModelError, match="double enlarges by 2"):
        upscaler(double, consistent=True)
    with pytest.raises(ModelError, match="bicubic is no network"):
        load_upscaler("bicubic", consistent=True)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 64])
def test_the_result_does_not_depend_on_the_batch_size(samples: Path, batch_size: int) -> None:
    images = crops(samples, MIXED)
    expected = upscaler()(images)
    for one, other in zip(expected, upscaler(batch_size=batch_size)(images), strict=True):
        assert np.array_equal(one, other)


def test_the_result_does_not_depend_on_neighbours_or_order(samples: Path) -> None:
    images = crops(samples, MIXED * 3)
    scale_up = upscaler()
    together = scale_up(images)
    for index in np.random.default_rng(1).permutation(len(images)):
        assert np.array_equal(scale_up([images[index]])[0], together[index])
    for one, other in zip(reversed(together), scale_up(images[::-1]), strict=True):
        assert np.array_equal(one, other)


def test_images_of_one_size_share_passes(samples: Path) -> None:
    recorder = Recorder(Small().eval())
    upscaler(small_network(recorder))(crops(samples, [(16, 16)] * 9))
    assert recorder.shapes == [(4, 3, 16, 16)] * 3


@pytest.fixture
def threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("threads_as_before")
def test_short_passes_of_a_pure_network_run_side_by_side_in_one_thread_each(
    samples: Path,
) -> None:
    counts: dict[tuple[int, ...], set[int]] = {}
    model = Small().eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def run(batch: Tensor) -> Tensor:
        made: Tensor = model(batch)
        counts.setdefault(tuple(batch.shape[2:]), set()).add(torch.get_num_threads())
        return made

    pure = replace(small_network(run), pure=True)
    images = crops(samples, [*MIXED, (80, 60)] * 3)
    shared = upscaler(pure, threads=3)
    together = shared(images)
    assert counts == {(16, 16): {1}, (11, 23): {1}, (1, 1): {1}, (33, 20): {1}, (80, 60): {3}}
    for index in (0, 1, 3, 4):
        assert np.array_equal(shared([images[index]])[0], together[index])
    later: list[int] = []
    thread = Thread(target=lambda: later.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert (torch.get_num_threads(), later) == (3, [3])
    for one, other in zip(upscaler(pure, threads=1)(images), together, strict=True):
        if one.size < 80 * 60 * 48:
            assert np.array_equal(one, other)


@pytest.mark.usefixtures("threads_as_before")
def test_out_of_memory_in_one_of_several_passes_halves_the_batch(samples: Path) -> None:
    images = crops(samples, [(16, 16)] * 9)
    starved = Starved(2 * 256, ERRORS["cpu"])
    made = upscaler(replace(small_network(starved), pure=True), threads=2)(images)
    assert {shape[0] for shape in starved.worked} == {2}
    for one, other in zip(made, upscaler()(images), strict=True):
        assert np.abs(one.astype(int) - other).max() <= 1


@pytest.mark.parametrize("size", [(70, 90), (64, 33), (41, 200), (128, 1)])
@pytest.mark.parametrize("strided", [False, True])
def test_tiles_give_the_whole_image(samples: Path, size: tuple[int, int], strided: bool) -> None:
    image = crops(samples, [size])
    network = replace(small_network(Strided().eval()), multiple=4) if strided else small_network()
    whole = upscaler(network, tile=0)(image)[0]
    tiled = upscaler(network, tile=32, overlap=12 if strided else 4)(image)[0]
    assert tiled.shape == whole.shape
    difference = np.abs(tiled.astype(int) - whole)
    # tiles pick other kernels than the whole: only the last bit of a float may differ
    assert difference.max() <= 1
    assert np.count_nonzero(difference) <= 0.001 * difference.size


def test_too_little_overlap_would_show(samples: Path) -> None:
    image = crops(samples, [(70, 90)])
    whole = upscaler(tile=0)(image)[0]
    tiled = upscaler(tile=32, overlap=0)(image)[0]
    assert np.abs(tiled.astype(int) - whole).max() > 5


def test_only_images_above_the_tile_are_cut(samples: Path) -> None:
    recorder = Recorder(Small().eval())
    upscaler(small_network(recorder), tile=32, overlap=4)(crops(samples, [(32, 32), (40, 20)]))
    assert [shape[2:] for shape in recorder.shapes] == [(32, 32), (32, 20), (32, 20)]


def test_a_network_that_must_see_the_whole_is_never_cut(samples: Path) -> None:
    recorder = Recorder(Small().eval())
    network = replace(small_network(recorder), tile_factor=0)
    upscaler(network, tile=32, overlap=4)(crops(samples, [(70, 90)]))
    assert recorder.shapes == [(1, 3, 70, 90)]


@given(
    length=st.integers(1, 60),
    tile=st.integers(1, 12),
    overlap=st.integers(0, 20),
    multiple=st.sampled_from([1, 2, 4]),
)
@settings(max_examples=200, deadline=None)
def test_cuts_cover_an_axis_once(length: int, tile: int, overlap: int, multiple: int) -> None:
    length, tile = length * multiple, tile * multiple
    made = cuts(length, tile, overlap, multiple)
    kept = [pixel for cut in made for pixel in range(cut.keep_from, cut.keep_to)]
    assert kept == list(range(length))
    for cut in made:
        assert cut.start % multiple == 0
        assert 0 <= cut.start <= cut.keep_from
        assert cut.keep_to <= cut.start + tile
        if tile - 2 * overlap >= multiple:
            assert cut.start == 0 or cut.keep_from - cut.start >= overlap
            assert cut.keep_to == length or cut.start + tile - cut.keep_to >= overlap


class Starved:
    """Fails like an allocator above a number of input pixels in one pass."""

    def __init__(self, pixels: int, error: Callable[[], BaseException]) -> None:
        self.pixels = pixels
        self.error = error
        self.model = Small().eval()
        self.worked: list[tuple[int, ...]] = []

    def __call__(self, batch: Tensor) -> Tensor:
        if batch.shape[0] * batch.shape[2] * batch.shape[3] > self.pixels:
            raise self.error()
        self.worked.append(tuple(batch.shape))
        made: Tensor = self.model(batch)
        return made


ERRORS = {
    "cuda": lambda: torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
    "cpu": lambda: RuntimeError(
        "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory"
    ),
}


@pytest.mark.parametrize("kind", ERRORS)
def test_out_of_memory_halves_the_batch_and_goes_on(
    samples: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    images = crops(samples, [(16, 16)] * 6)
    starved = Starved(2 * 256, ERRORS[kind])
    with caplog.at_level(logging.WARNING):
        made = upscaler(small_network(starved))(images)
    assert {shape[0] for shape in starved.worked} == {2}
    assert "out of memory" in caplog.text
    for one, other in zip(made, upscaler()(images), strict=True):
        assert np.abs(one.astype(int) - other).max() <= 1


def test_out_of_memory_at_one_image_turns_to_tiles(samples: Path) -> None:
    image = crops(samples, [(100, 120)])
    starved = Starved(64 * 64, ERRORS["cuda"])
    made = upscaler(small_network(starved))(image)[0]
    assert max(max(shape[2:]) for shape in starved.worked) <= 64
    assert np.abs(made.astype(int) - upscaler()(image)[0]).max() <= 1


def test_out_of_memory_for_good_is_one_line(samples: Path) -> None:
    starved = Starved(10, ERRORS["cuda"])
    with pytest.raises(ModelError, match="not enough memory on cpu for one 120x100 image"):
        upscaler(small_network(starved))(crops(samples, [(100, 120)]))


def test_other_errors_of_the_network_are_not_swallowed(samples: Path) -> None:
    starved = Starved(10, lambda: RuntimeError("shapes do not fit"))
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        upscaler(small_network(starved))(crops(samples, [(16, 16)]))


class Overflowing:
    """Not a number in reduced precision for images that begin with a black pixel."""

    def __init__(self) -> None:
        self.model = Small().eval()

    def __call__(self, batch: Tensor) -> Tensor:
        made: Tensor = self.model(batch)
        if torch.is_autocast_enabled("cpu"):
            dark = (batch[:, :, 0, 0] == -1).all(1)
            made = torch.where(dark[:, None, None, None], torch.nan, made)
        return made


def test_overflow_is_redone_in_fp32_with_one_warning(
    samples: Path, caplog: pytest.LogCaptureFixture
) -> None:
    images = crops(samples, [(16, 16)] * 5)
    images[2][0, 0] = 0
    with caplog.at_level(logging.WARNING):
        reduced = upscaler(small_network(Overflowing()), precision="bf16")
        made = [reduced(images), reduced(images)][0]
    assert caplog.text.count("redone in fp32") == 1
    exact = upscaler(small_network(Small().eval()))(images)
    plain = upscaler(small_network(Small().eval()), precision="bf16")(images)
    assert np.array_equal(made[2], exact[2])
    for index in (0, 1, 3, 4):
        assert np.array_equal(made[index], plain[index])
    assert not np.array_equal(plain[0], exact[0])


def test_not_a_number_in_fp32_is_an_error(samples: Path) -> None:
    network = small_network(lambda batch: Small()(batch) * torch.nan)
    with pytest.raises(ModelError, match="not numbers"):
        upscaler(network)(crops(samples, [(16, 16)]))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        pytest.param({"precision": "fp16"}, ModelError, "fp16 is for GPUs", id="fp16-on-cpu"),
        pytest.param({"precision": "int8"}, ModelError, "not one of", id="no-such-precision"),
        pytest.param({"batch_size": 0}, UsageError, "batch size 0", id="no-batch"),
        pytest.param({"tile": 16, "overlap": 8}, UsageError, "too small", id="all-overlap"),
    ],
)
def test_options_that_cannot_be(
    options: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        upscaler(None, **options)


def test_a_precision_that_the_network_cannot_bear() -> None:
    network = replace(small_network(), precisions=frozenset({"fp32"}))
    with pytest.raises(ModelError, match="works in fp32, not in bf16"):
        upscaler(network, precision="bf16")
