"""Frames of one face, simulated from the samples: shifts of parts of a pixel, and noise."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.boxes import Box
from data.images.rgb import RGB
from pipeline.metrics.image_quality import psnr_rgb
from pipeline.tracks.merge import View, merge
from pipeline.tracks.registration import register
from pipeline.upscalers.loading import load_upscaler

SIDE = 16
FACE = Box(4, 4, 12, 12)
Edges = tuple[float, float, float, float]


def edges_of(samples: Path, name: str) -> Edges:
    with (samples / "faces.csv").open(newline="", encoding="utf-8") as file:
        row = next(row for row in csv.DictReader(file) if row["image"] == name)
    return float(row["left"]), float(row["top"]), float(row["right"]), float(row["bottom"])


def seen(image: Image.Image, edges: Edges, shift: tuple[float, float], side: int) -> RGB:
    """The square at `edges`, moved by `shift` LR pixels, `(side, side, 3)`."""
    step = (edges[2] - edges[0]) / SIDE
    dx, dy = shift[0] * step, shift[1] * step
    box = (edges[0] + dx, edges[1] + dy, edges[2] + dx, edges[3] + dy)
    return np.asarray(image.resize((side, side), Image.Resampling.BICUBIC, box=box))


def noisy(rgb: RGB, sigma: float, rng: np.random.Generator) -> RGB:
    return np.clip(np.rint(rgb + rng.normal(0, sigma, rgb.shape)), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module", params=["biden.jpg", "obama.jpg"])
def scene(request: pytest.FixtureRequest, samples: Path) -> tuple[Image.Image, Edges]:
    with Image.open(samples / request.param) as image:
        return image.convert("RGB"), edges_of(samples, request.param)


SHIFTS = [(0.0, 0.0), (0.4, -0.3), (-0.6, 0.2), (0.3, 0.7), (1.2, -0.9), (-0.2, -1.1), (0.8, 0.1)]


def frames(scene: tuple[Image.Image, Edges], sigma: float, seed: int = 0) -> list[RGB]:
    rng = np.random.default_rng(seed)
    image, edges = scene
    return [noisy(seen(image, edges, shift, SIDE), sigma, rng) for shift in SHIFTS]


@pytest.mark.parametrize("sigma", [0, 5, 10])
def test_shifts_are_found_to_a_part_of_a_pixel(
    scene: tuple[Image.Image, Edges], sigma: float
) -> None:
    crops = frames(scene, sigma)
    for crop, (dx, dy) in zip(crops[1:], SHIFTS[1:], strict=True):
        found = register(crops[0], crop, [np.eye(2, 3)])
        assert found is not None
        assert np.hypot(found.matrix[0, 2] + dx, found.matrix[1, 2] + dy) < 0.25
        assert found.agreement > 0.9


def test_fused_restoration_beats_that_of_the_best_single_frame(
    scene: tuple[Image.Image, Edges],
) -> None:
    image, edges = scene
    crops = frames(scene, 10)
    upscaler = load_upscaler("gflmser", device="cpu")
    truths = [seen(image, edges, shift, 4 * SIDE) for shift in SHIFTS]
    single = [psnr_rgb(sr, hr) for sr, hr in zip(upscaler(crops), truths, strict=True)]
    merged = merge([View(crop, FACE) for crop in crops])
    assert merged.frames == len(crops)
    (restored,) = upscaler([merged.rgb])
    assert psnr_rgb(restored, truths[0]) > max(single) + 0.5


def test_a_frame_of_something_else_is_left_out(
    scene: tuple[Image.Image, Edges], samples: Path
) -> None:
    crops = frames(scene, 3)
    with Image.open(samples / "solvay18.png") as other:
        stranger = np.asarray(other.convert("RGB").resize((SIDE, SIDE)))
    flat = np.full((SIDE, SIDE, 3), 128, np.uint8)
    views = [View(crop, FACE) for crop in (crops[0], stranger, flat, crops[1])]
    assert merge(views).frames == 2
    alone = merge(views[:3])
    assert alone.frames == 1
    assert (alone.rgb == crops[0]).all()


def test_larger_faces_count_more_and_sizes_may_differ(scene: tuple[Image.Image, Edges]) -> None:
    image, edges = scene
    base = seen(image, edges, (0, 0), 20)
    marks = ((6.0, 8.0), (13.0, 8.0), (10.0, 11.0), (7.0, 14.0), (12.0, 14.0))
    small = tuple((x * 0.8 - 0.1, y * 0.8 - 0.1) for x, y in marks)
    views = [
        View(base, Box(5, 5, 15, 15), marks),
        View(seen(image, edges, (0, 0), 16), Box(4, 4, 12, 12), small),
    ]
    merged = merge(views)
    assert merged.frames == 2
    assert merged.rgb.shape == base.shape
    assert psnr_rgb(merged.rgb, base) > 30


def test_a_wall_that_moves_otherwise_leaves_no_ghost(scene: tuple[Image.Image, Edges]) -> None:
    image, edges = scene
    base = seen(image, edges, (0, 0), 48)
    changed = base.copy()
    changed[:, :6] = 255 - changed[:, :6]
    face = Box(10, 10, 38, 38)
    merged = merge([View(base, face), View(changed, face), View(changed, face)])
    assert merged.frames == 3
    assert np.abs(merged.rgb[:, :5].astype(int) - base[:, :5]).mean() < 3
