"""One image to work on: where it is, what it is called, and what is made of it."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from data.boxes import Box
from data.errors import ImageError
from data.images.files import MAX_BYTES, MIN_SIDE, load_image
from data.images.rgb import RGB
from data.regular_files import Stamp, check_regular, stamp_of
from data.safe_text import printable

INSIDE = 0.5
"""Share of a manifest's box that must lie in its image, as for ground truth."""


@dataclass(frozen=True, slots=True)
class Source:
    """One image to work on.

    `key` names it in every table: its path relative to the INPUT, unique in the run. `output`
    is the relative PNG path of what is made from it. `region` is the part of the image that a
    manifest asks for. A `problem` found before the image was opened becomes its error row.
    """

    key: str
    path: Path
    output: str = ""
    region: Box | None = None
    identity: str | None = None
    track: str | None = None
    """The track that a manifest says the face belongs to."""
    pixels: RGB | None = field(default=None, compare=False)
    problem: str | None = None
    stamp: Stamp | None = None
    """Size, time and hash of the file, once it was read."""
    seconds: float | None = None
    """Time of a frame in its video."""
    time: str | None = None
    """Time of day of a frame, where it is known when its video starts."""
    note: str = ""
    """What a reader of the results should know, such as that only the first frame was used."""

    @property
    def shown_path(self) -> str:
        """The path as it was opened; bytes that are no UTF-8 and control characters are escaped."""
        text = printable(str(self.path))
        return text if text.startswith(("/", ".")) else f"./{text}"

    @property
    def detail(self) -> str:
        """What a row depends on beside the file's content."""
        return repr((self.output, self.region, self.identity, self.track))

    def opened(self) -> Self:
        """This source with its pixels, its stamp and its note; raises ImageError."""
        if self.problem is not None:
            raise ImageError(self.problem)
        if self.pixels is not None:
            return self
        image = load_image(self.path)
        note = "; ".join(filter(None, (self.note, image.note)))
        return replace(self, pixels=image.rgb, stamp=image.stamp, note=note)

    def load(self) -> RGB:
        """Return the image, `(H, W, 3)` uint8; raises ImageError."""
        pixels = self.opened().pixels
        assert pixels is not None
        return pixels

    def is_still(self, stamp: Stamp, *, quick: bool) -> bool:
        """Whether the file has the content of `stamp`; `quick`: by its size and time alone."""
        if self.stamp is not None:
            return self.stamp.sha256 == stamp.sha256
        try:
            check_regular(self.path, limit=MAX_BYTES)
            if quick:
                now = self.path.stat()
                return (now.st_size, now.st_mtime_ns) == (stamp.size, stamp.mtime_ns)
            return stamp_of(self.path, limit=MAX_BYTES).sha256 == stamp.sha256
        except OSError:
            return False


def cut_region(rgb: RGB, region: Box | None) -> RGB:
    """Cut the manifest's region out of an image, as far as it lies inside.

    Raises ImageError when more than half of it lies outside, or hardly a pixel is left.
    """
    if region is None:
        return rgb
    left, top, right, bottom = inner_sides(rgb, region)
    return rgb[top:bottom, left:right].copy()


def inner_sides(rgb: RGB, region: Box) -> tuple[int, int, int, int]:
    """The region in whole pixels, clipped to the image; raises ImageError as `cut_region`."""
    height, width = rgb.shape[:2]
    sides = (region.left, region.top, region.right, region.bottom)
    left, top, right, bottom = (round(side) for side in sides)
    shown = f"box ({left}, {top}, {right}, {bottom})"
    area = (right - left) * (bottom - top)
    left, top, right, bottom = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
    if min(right - left, bottom - top) <= 0 or (right - left) * (bottom - top) < INSIDE * area:
        raise ImageError(f"{shown} reaches outside the {width}x{height} image")
    if min(right - left, bottom - top) < MIN_SIDE:
        raise ImageError(f"{shown} is too small")
    return left, top, right, bottom
