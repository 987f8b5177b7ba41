"""Squares around faces that lie in their image whole."""

from __future__ import annotations

from data.boxes import Box


def square_inside(
    size: tuple[int, int] | None, centre: tuple[float, float], side: float
) -> Box | None:
    """A square of `side` about `centre`, moved into an image of `size` and shrunk to fit.

    None where the image has no size (it cannot be opened) or `centre` is not a point of it.
    """
    if size is None or not all(0 <= at <= most for at, most in zip(centre, size, strict=True)):
        return None
    fitting = min(side, *size)
    left, top = (
        min(max(at - fitting / 2, 0), most - fitting) for at, most in zip(centre, size, strict=True)
    )
    return Box(left, top, left + fitting, top + fitting)
