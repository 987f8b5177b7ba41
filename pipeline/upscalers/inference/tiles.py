"""Cutting a large image into overlapping tiles of one size, and which part of each is kept."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Cut:
    """One tile along one axis, in input pixels."""

    start: int
    """Where the tile begins in the image."""
    keep_from: int
    keep_to: int
    """The part of the image that is taken from this tile."""

    def kept(self, scale: int) -> slice:
        """The kept part in the enlarged image."""
        return slice(self.keep_from * scale, self.keep_to * scale)

    def kept_of_tile(self, scale: int) -> slice:
        """The kept part in the enlarged tile."""
        return slice((self.keep_from - self.start) * scale, (self.keep_to - self.start) * scale)


def cuts(length: int, tile: int, overlap: int, multiple: int) -> list[Cut]:
    """Tiles over an axis of `length` pixels; `length` and `tile` are multiples of `multiple`.

    The kept parts touch and cover the axis once. They lie at least `overlap` pixels (as far as
    `multiple` allows) from every edge that the image itself does not have. A network whose
    receptive field reaches no further gives the same pixels as on the whole image.
    """
    if length <= tile:
        return [Cut(0, 0, length)]
    step = max(multiple, (tile - 2 * overlap) // multiple * multiple)
    starts = [*range(0, length - tile, step), length - tile]
    middles = [(before + tile + after) // 2 for before, after in pairwise(starts)]
    edges = [0, *middles, length]
    return [Cut(start, edges[i], edges[i + 1]) for i, start in enumerate(starts)]
