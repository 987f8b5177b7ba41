"""How often an image is doubled before HOG or another fixed-size detector searches it."""

from typing import Final

_FINDS_SMALL_FACES: Final = frozenset({"centerface"})
_AUTO_PASSES: Final = ((33, 3), (100, 2), (1000, 1))


def auto_passes(width: int, height: int) -> int:
    """Choose the passes for an image of this size in pixels; never 0 below 160 px.

    HOG's smallest face is about 80 px before doubling, so 64x64 images need two passes.

    Examples:
        >>> auto_passes(64, 64), auto_passes(4000, 3000)
        (2, 0)
    """
    short = min(width, height)
    return next((passes for limit, passes in _AUTO_PASSES if short < limit), 0)


def passes_of(detector: str, width: int, height: int) -> int:
    """Passes for a detector by its name: CenterFace sees faces from 16 px on and needs none.

    Examples:
        >>> passes_of("hog", 64, 64), passes_of("centerface", 64, 64)
        (2, 0)
    """
    return 0 if detector in _FINDS_SMALL_FACES else auto_passes(width, height)
