"""Boxes, captions and before/after pairs, drawn with Pillow alone: cheap enough for any image."""

import functools
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from data.boxes import Box
from data.images.rgb import RGB

Colour = tuple[int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

FOUND: Final[Colour] = (86, 180, 233)
"""Sky blue of the Okabe-Ito palette: what the detector found."""
TRUTH: Final[Colour] = (240, 228, 66)
"""Yellow of the same palette: the ground truth. Blue and yellow are told apart by everybody."""
INK: Final[Colour] = (24, 24, 27)
PAPER: Final[Colour] = (255, 255, 255)

_PANEL_MIN: Final = 256
_PANEL_MAX: Final = 1600


def draw_boxes(
    rgb: RGB,
    boxes: Sequence[Box],
    *,
    colour: Colour = FOUND,
    labels: Sequence[str] = (),
    line: int | None = None,
) -> RGB:
    """A copy of `rgb` with every box outlined; boxes may reach over the border.

    `line` is the width in pixels, by default 1 for a face crop and growing with the image.
    From 2 px on the line has a dark edge, so that it is seen on any background. `labels`, one for
    each box, are written above the boxes (inside where there is no room).
    """
    image = Image.fromarray(rgb)
    _outline(image, boxes, colour, labels, line or line_width(image.size))
    return np.asarray(image)


def side_by_side(
    before: RGB,
    after: RGB,
    boxes: Sequence[Box] = (),
    *,
    labels: Sequence[str] = (),
    captions: tuple[str, str] = ("input", "restored"),
) -> RGB:
    """`before` as it came beside `after` with `boxes` (pixels of `before`) drawn, captions below.

    Both panels get one height, `panel_height` of the larger image. Images are enlarged by
    nearest neighbour, so that a 16x16 input is seen as one.
    """
    large = max(before, after, key=len)
    height = panel_height(large.shape[1], large.shape[0])
    left, right = (fit_height(Image.fromarray(rgb), height) for rgb in (before, after))
    sx, sy = right.width / before.shape[1], right.height / before.shape[0]
    moved = [box.scaled(sx, sy) for box in boxes]
    _outline(right, moved, FOUND, labels, line_width(right.size))
    size = max(12, height // 28)
    gap = max(4, height // 64)
    strip = size * 2
    sheet = Image.new("RGB", (left.width + gap + right.width, height + strip), PAPER)
    sheet.paste(left, (0, 0))
    sheet.paste(right, (left.width + gap, 0))
    write = ImageDraw.Draw(sheet)
    for text, x, panel in ((captions[0], 0, left), (captions[1], left.width + gap, right)):
        write.text(
            (x + panel.width / 2, height + strip / 2),
            shortened(text, panel.width, size),
            fill=INK,
            font=caption_font(size),
            anchor="mm",
        )
    return np.asarray(sheet)


def panel_height(width: int, height: int) -> int:
    """The height at which an image of this size is shown beside another.

    A whole multiple that brings it to 256 px, as far as neither side passes 1600 px; reduced where
    one does already.
    """
    longest = max(width, height)
    if longest > _PANEL_MAX:
        return max(1, round(height * _PANEL_MAX / longest))
    return height * min(-(-_PANEL_MIN // height), _PANEL_MAX // longest)


def fit_height(image: Image.Image, height: int) -> Image.Image:
    """`image` at `height`, sides in proportion: nearest when enlarged, area mean when reduced."""
    if image.height == height:
        return image
    width = max(1, round(image.width * height / image.height))
    method = Image.Resampling.NEAREST if height > image.height else Image.Resampling.BOX
    return image.resize((width, height), method)


def line_width(size: tuple[int, int]) -> int:
    """Width of a box's outline on an image of this size: 1 px up to 255, then in proportion."""
    return max(1, round(min(size) / 170))


@functools.lru_cache(maxsize=32)
def caption_font(size: int) -> Font:
    """DejaVu Sans where matplotlib is installed (it holds more alphabets), else Pillow's own."""
    found = importlib.util.find_spec("matplotlib")
    for folder in (found.submodule_search_locations or ()) if found else ():
        file = Path(folder) / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
        if file.is_file():
            return ImageFont.truetype(str(file), size)
    return ImageFont.load_default(size)


def shortened(text: str, width: float, size: int) -> str:
    """`text` on one line, cut in its middle with an ellipsis so that it fits into `width` px."""
    text = " ".join(text.split())
    font = caption_font(size)
    if font.getlength(text) <= width:
        return text
    for kept in range(len(text) - 1, 1, -1):
        cut = f"{text[: (kept + 1) // 2]}…{text[-(kept // 2) :]}"
        if font.getlength(cut) <= width:
            return cut
    return "…"


def _outline(
    image: Image.Image,
    boxes: Sequence[Box],
    colour: Colour,
    labels: Sequence[str],
    line: int,
) -> None:
    draw = ImageDraw.Draw(image)
    beyond = 4 * line  # Pillow draws every pixel of an edge, also millions outside the image
    for box in boxes:
        x0, x1 = _near(box.left, box.right, image.width, beyond)
        y0, y1 = _near(box.top, box.bottom, image.height, beyond)
        if line > 1:
            edge = max(1, line // 2)
            draw.rectangle((x0 - edge, y0 - edge, x1 + edge, y1 + edge), None, INK, line + 2 * edge)
        draw.rectangle((x0, y0, x1, y1), None, colour, line)
    size = max(9, min(image.size) // 22)
    for box, text in zip(boxes, labels, strict=True) if labels else ():
        _label(draw, box, text, colour, size, image.width)


def _near(start: float, end: float, size: int, beyond: int) -> tuple[int, int]:
    """First and last pixel of a side, moved to at most `beyond` px outside an image of `size`."""
    first, last = (round(min(max(edge, -beyond), size + beyond)) for edge in (start, end))
    return first, max(first, last - 1)


def _label(
    draw: ImageDraw.ImageDraw,
    box: Box,
    text: str,
    colour: Colour,
    size: int,
    width: int,
) -> None:
    font = caption_font(size)
    text = shortened(text, width, size)
    above = box.top >= size * 1.5
    at = (
        max(0.0, min(box.left, width - font.getlength(text))),
        box.top - size * 0.25 if above else max(0.0, box.top) + size * 0.25,
    )
    anchor = "lb" if above else "lt"
    x0, y0, x1, y1 = draw.textbbox(at, text, font=font, anchor=anchor)
    draw.rectangle((x0 - 2, y0 - 2, x1 + 2, y1 + 2), fill=colour)
    draw.text(at, text, fill=INK, font=font, anchor=anchor)
