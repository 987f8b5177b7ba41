"""Squares around faces stay squares, and in their image."""

from dataclasses import astuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.boxes import Box
from data.datasets.framing import square_inside


@given(
    size=st.tuples(st.integers(1, 500), st.integers(1, 500)),
    at=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    side=st.floats(1, 900),
)
def test_the_square_lies_in_the_image_and_holds_the_centre(
    size: tuple[int, int], at: tuple[float, float], side: float
) -> None:
    centre = (at[0] * size[0], at[1] * size[1])
    box = square_inside(size, centre, side)
    assert box is not None
    left, top, right, bottom = astuple(box)
    assert -1e-9 <= left <= centre[0] + 1e-6
    assert -1e-9 <= top <= centre[1] + 1e-6
    assert centre[0] - 1e-6 <= right <= size[0] + 1e-6
    assert centre[1] - 1e-6 <= bottom <= size[1] + 1e-6
    assert right - left == pytest.approx(bottom - top)
    assert right - left == pytest.approx(min(side, *size))


def test_a_square_with_room_is_not_moved() -> None:
    assert square_inside((100, 80), (50, 40), 20) == Box(40, 30, 60, 50)


@pytest.mark.parametrize("size", [None, (40, 40)])
def test_there_is_none_outside_an_image(size: tuple[int, int] | None) -> None:
    assert square_inside(size, (50, 30), 20) is None
