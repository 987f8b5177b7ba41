"""At which scales an image is searched, so that the smallest faces asked for are large enough."""

from dataclasses import dataclass
from typing import Final

from pipeline.detection.tiles import TILE

CROP_SIDE: Final = 160
"""An image whose longer side is at most so many pixels is a crop: searched twice, mirrored too."""
_SEEN_AT: Final = 16
"""CenterFace finds a face well from so many pixels on: the smallest face is enlarged to that."""
_COARSE: Final = 0.5
"""Share of that scale at which a frame is searched first; see `second_look`."""
_CROP_SEARCHED: Final = 128
_MOST: Final = 4.0
_LEVEL: Final = 4
MULTIPLE: Final = 32
"""CenterFace halves its input five times: sides are padded to multiples of this."""
_COMFORTABLE: Final = 320
"""Faces that would be wider than this at a level are left to the next smaller one."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How one image is searched."""

    scales: tuple[float, ...]
    """The image is resized by each of these, largest first."""
    mirrored: bool
    """Whether the mirror image is searched too and the scores averaged."""
    min_face: float
    """Least width of a face in pixels of the image."""
    finest: float
    """The largest scale at which a face in doubt is looked at again."""


def is_crop(width: int, height: int) -> bool:
    """Whether an image of this size is searched as a crop."""
    return max(width, height) <= CROP_SIDE


def plan(width: int, height: int, min_face: float | None = None) -> Plan:
    """How an image of `width` x `height` is searched for faces from `min_face` px on.

    `min_face` None asks for 4 px in a crop and 8 px in a frame.

    Examples:
        >>> plan(24, 33).scales, plan(384, 288).scales, plan(384, 288, min_face=16).scales
        ((3.878787878787879,), (1.0,), (0.5,))
    """
    longer = max(width, height)
    if is_crop(width, height):
        scale = min(_MOST, max(1.0, _CROP_SEARCHED / longer))
        return Plan((scale,), True, 4.0 if min_face is None else min_face, scale)
    least = 8.0 if min_face is None else min_face
    finest = min(_MOST, _SEEN_AT / max(least, 1.0))
    scales = [_unpadded(finest * _COARSE, longer)]
    while scales[-1] * min(width, height) > _COMFORTABLE:
        scales.append(scales[-1] / _LEVEL)
    return Plan(tuple(scales), False, least, finest)


def _unpadded(scale: float, longer: int) -> float:
    """`scale`, less what would make the network pad a small image to its next multiple of 32.

    Examples:
        >>> _unpadded(1.0, 400), _unpadded(1.0, 1920)
        (0.96, 1.0)
    """
    side = scale * longer
    return scale if side > TILE or side < 2 * MULTIPLE else side // MULTIPLE * MULTIPLE / longer
