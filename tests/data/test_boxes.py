import subprocess
import sys
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import box as polygon

from data.boxes import Box, iou, match

side = st.integers(-50, 150).map(lambda value: value / 2)


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    left, right = sorted((draw(side), draw(side)))
    top, bottom = sorted((draw(side), draw(side)))
    return Box(left, top, right, bottom)


@given(boxes(), boxes())
def test_iou_agrees_with_shapely(a: Box, b: Box) -> None:
    first = polygon(a.left, a.top, a.right, a.bottom)
    second = polygon(b.left, b.top, b.right, b.bottom)
    union = first.union(second).area
    expected = first.intersection(second).area / union if union else 0.0
    assert iou(a, b) == pytest.approx(expected)
    assert iou(a, b) == iou(b, a)


@given(boxes())
def test_iou_with_itself_is_one_unless_empty(a: Box) -> None:
    assert iou(a, a) == (1.0 if a.area else 0.0)


@given(boxes(), boxes(), st.sampled_from([0.25, 0.5, 2.0, 4.0]), side)
def test_iou_ignores_scale_and_origin(a: Box, b: Box, factor: float, shift: float) -> None:
    moved = [x.scaled(factor, 2 * factor).shifted(shift, -shift) for x in (a, b)]
    assert iou(*moved) == pytest.approx(iou(a, b))


@given(boxes(), st.integers(1, 60), st.integers(1, 60))
def test_clipping_keeps_what_lies_inside_the_image(a: Box, width: int, height: int) -> None:
    inside = polygon(a.left, a.top, a.right, a.bottom).intersection(polygon(0, 0, width, height))
    clipped = a.clipped(width, height)
    if inside.area == 0:
        assert clipped is None
    else:
        assert clipped is not None
        assert (clipped.left, clipped.top, clipped.right, clipped.bottom) == inside.bounds


@pytest.mark.parametrize(
    ("sides", "why"),
    [
        ((5, 0, 4, 1), "swapped"),
        ((0, 5, 1, 4), "swapped"),
        ((0, 0, float("nan"), 1), "not a number"),
        ((0, 0, float("inf"), 1), "not a number"),
    ],
)
def test_a_box_that_cannot_be_is_refused(sides: tuple[float, ...], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Box(*sides)


def best_total(predicted: list[Box], truth: list[Box], threshold: float) -> float:
    """By trying every one-to-one assignment."""
    few, many = sorted((predicted, truth), key=len)
    return max(
        sum(v for v in (iou(a, b) for a, b in zip(few, chosen, strict=True)) if v >= threshold)
        for chosen in permutations(many, len(few))
    )


@settings(deadline=None)  # the first call imports scipy
@given(
    st.lists(boxes(), max_size=4), st.lists(boxes(), max_size=4), st.sampled_from([0.01, 0.3, 0.5])
)
def test_match_is_one_to_one_and_of_maximal_total(
    predicted: list[Box], truth: list[Box], threshold: float
) -> None:
    pairs = match(predicted, truth, threshold)
    assert len({p for p, _, _ in pairs}) == len({t for _, t, _ in pairs}) == len(pairs)
    for p, t, value in pairs:
        assert value == iou(predicted[p], truth[t]) >= threshold
    assert sum(v for *_, v in pairs) == pytest.approx(best_total(predicted, truth, threshold))


def test_match_prefers_the_total_over_the_greedy_choice() -> None:
    predicted = [Box(0, 0, 10, 10), Box(4, 0, 14, 10)]
    truth = [Box(2, 0, 12, 10), Box(6, 0, 16, 10)]
    assert [(p, t) for p, t, _ in match(predicted, truth, 0.3)] == [(0, 0), (1, 1)]


@pytest.mark.parametrize("threshold", [0.0, -0.1, 1.5])
def test_a_threshold_that_pairs_strangers_is_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold"):
        match([], [], threshold)


def test_importing_boxes_is_light() -> None:
    code = "import sys, data.boxes; print({'numpy','scipy','pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
