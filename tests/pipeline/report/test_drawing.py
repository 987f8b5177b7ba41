"""Boxes and pairs as drawn: where the lines are, what stays untouched, which sizes come out."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from data.boxes import Box
from data.images.rgb import RGB
from pipeline.report.drawing import (
    FOUND,
    PAPER,
    caption_font,
    draw_boxes,
    line_width,
    panel_height,
    shortened,
    side_by_side,
)


def grey(height: int, width: int) -> RGB:
    return np.full((height, width, 3), 90, np.uint8)


def painted(rgb: RGB) -> NDArray[np.bool_]:
    return np.asarray((rgb == np.array(FOUND, np.uint8)).all(axis=2), np.bool_)


def test_line_runs_inside_the_box_and_nothing_else_changes() -> None:
    before = grey(64, 64)
    after = draw_boxes(before, [Box(10, 20, 30, 50)])
    rows, columns = np.nonzero(painted(after))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (20, 49, 10, 29)
    assert painted(after).sum() == 2 * 20 + 2 * 28
    assert (after[~painted(after)] == 90).all()
    assert (before == 90).all(), "the caller's image is left alone"


@pytest.mark.parametrize(
    "box",
    [Box(-20, -20, 90, 90), Box(5, 5, 5, 5), Box(60, 60, 200, 70)],
    ids=["larger than the image", "empty", "half outside"],
)
def test_any_box_can_be_drawn(box: Box) -> None:
    assert draw_boxes(grey(64, 64), [box], labels=["a name"]).shape == (64, 64, 3)


def test_no_boxes_is_the_same_image(samples: Path) -> None:
    rgb = np.asarray(Image.open(samples / "obama.jpg").convert("RGB"))
    assert np.array_equal(draw_boxes(rgb, []), rgb)


def test_line_grows_with_the_image() -> None:
    assert [line_width((s, s)) for s in (16, 64, 250, 640, 4000)] == [1, 1, 1, 4, 24]


def test_label_needs_one_text_for_each_box() -> None:
    with pytest.raises(ValueError, match="argument 2"):
        draw_boxes(grey(64, 64), [Box(1, 1, 9, 9)], labels=["one", "two"])


def test_pair_enlarges_the_small_image_by_nearest_neighbour() -> None:
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
    large = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    pair = side_by_side(small, large)
    assert np.array_equal(pair[:256:16, :256:16], small)
    assert np.array_equal(pair[:256, :256], small.repeat(16, 0).repeat(16, 1))
    assert np.array_equal(pair[:256, -256:], large.repeat(4, 0).repeat(4, 1))
    assert (pair[100, 256:-256] == PAPER).all(), "a gap parts the two"


def test_pair_scales_boxes_from_the_input_to_the_restored_image() -> None:
    pair = side_by_side(grey(16, 16), grey(64, 64), [Box(4, 4, 12, 12)])
    rows, columns = np.nonzero(painted(pair[:256, -256:]))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (64, 191, 64, 191)
    assert not painted(pair[:256, :256]).any(), "the input is shown as it came"


@pytest.mark.parametrize(
    ("before", "after", "height"),
    [
        ((1, 1), (4, 4), 256),
        ((16, 12), (64, 48), 256),
        ((300, 900), (300, 900), 300),
        ((1000, 500), (4000, 2000), 1600),
        ((2, 4000), (2, 4000), 1),
        ((2, 200), (8, 800), 16),
    ],
)
def test_pair_sizes(before: tuple[int, int], after: tuple[int, int], height: int) -> None:
    assert panel_height(after[1], after[0]) == height
    pair = side_by_side(grey(*before), grey(*after), [Box(0, 0, 1, 1)])
    width = round(after[1] * height / after[0])
    assert pair.shape[0] == height + 2 * max(12, height // 28)
    assert pair.shape[1] == 2 * width + max(4, height // 64)


def test_long_captions_are_cut_to_fit() -> None:
    long = "a very long image name from a deep folder.jpg"
    cut = shortened(long, 100, 12)
    assert "…" in cut
    assert caption_font(12).getlength(cut) <= 100
    assert shortened("two\nlines", 500, 12) == "two lines"
    assert shortened("Σωκράτης Ђорђе é", 500, 12) == "Σωκράτης Ђорђе é"


def test_a_box_far_outside_is_drawn_at_once() -> None:
    image = np.zeros((40, 60, 3), np.uint8)
    far = Box(-1e12, 5.0, 1e12, 30.0)
    drawn = draw_boxes(image, [far], labels=["x"], line=2)
    near = draw_boxes(image, [Box(-200.0, 5.0, 260.0, 30.0)], labels=["x"], line=2)
    assert (drawn[:, 30:] == near[:, 30:]).all()
    assert drawn.any()
