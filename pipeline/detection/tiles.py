"""Large images in overlapping tiles: memory depends on the tile, not on the image."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from data.boxes import Box

TILE: Final = 640
OVERLAP: Final = 128
"""Both in pixels of what the network sees."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of an image of `width` x `height`, in its whole pixels."""

    left: int
    top: int
    right: int
    bottom: int
    width: int
    height: int

    def cuts(self, box: Box) -> bool:
        """Whether a box inside this tile touches an edge that is not one of the image.

        Such a face goes on behind the edge, and the neighbour sees it whole: tiles overlap.
        """
        return (
            (self.left > 0 and box.left <= self.left + 1)
            or (self.top > 0 and box.top <= self.top + 1)
            or (self.right < self.width and box.right >= self.right - 1)
            or (self.bottom < self.height and box.bottom >= self.bottom - 1)
        )


def tiles(width: int, height: int, scale: float) -> Iterator[Tile]:
    """The tiles of an image that is resized by `scale` tile by tile; one where it is small."""
    side, step = max(1, round(TILE / scale)), max(1, round((TILE - OVERLAP) / scale))
    for top in _starts(height, side, step):
        for left in _starts(width, side, step):
            right, bottom = min(left + side, width), min(top + side, height)
            yield Tile(left, top, right, bottom, width, height)


def _starts(length: int, side: int, step: int) -> list[int]:
    """Where tiles begin; the last one ends with the image."""
    if length <= side * 1.5:
        return [0] if length <= side else [0, length - side]
    return [*range(0, length - side, step), length - side]
