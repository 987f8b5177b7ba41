"""The contact sheet: LR, every method and HR side by side, boxes drawn, for a few images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from data.errors import ImageError
from data.images.files import load_rgb
from pipeline.environment.provenance import NOTICE
from pipeline.report.captions import Record, box_of, caption_of, records_of
from pipeline.report.data import HR, LR, Report, typical_images
from pipeline.report.drawing import FOUND, INK, PAPER, TRUTH, caption_font, draw_boxes, shortened

CELL: Final = 160
_GAP: Final = 10
_CAPTION: Final = 22
_HEAD: Final = 40
_MARGIN: Final = 24
_LEFT: Final = 112
_FOOT: Final = 34
_FAINT: Final = (113, 113, 122)
_BLANK: Final = (244, 244, 245)
_EACH: Final = 3


def contact_sheet(report: Report, images: Sequence[str] | None = None) -> Image.Image:
    """Three of the best, three typical and three of the worst images, or those of `images`.

    One column for LR, each method and HR; each image is enlarged by nearest neighbour, so that
    a 16x16 input is seen as one. Blue boxes were found, yellow ones are the ground truth.
    """
    picked = typical_images(report, _EACH) if images is None else tuple(("", key) for key in images)
    views = (LR, *report.methods, HR)
    records = records_of(report, {key for _, key in picked})
    width = 2 * _MARGIN + _LEFT + len(views) * (CELL + _GAP) - _GAP
    row = CELL + _CAPTION + _GAP
    sheet = Image.new("RGB", (width, _MARGIN + _HEAD + len(picked) * row + _FOOT), PAPER)
    draw = ImageDraw.Draw(sheet)
    for column, view in enumerate(views):
        _heading(draw, _x(column), view, oracle=view in report.oracles)
    for index, (kind, key) in enumerate(picked):
        y = _MARGIN + _HEAD + index * row
        _row_label(draw, y, kind, key)
        for column, view in enumerate(views):
            record = records.get((view, key), {})
            _cell(sheet, (_x(column), y), view, report.image(view, key), record)
    _legend(draw, sheet.height - _FOOT + 4)
    return sheet


def _cell(
    sheet: Image.Image, at: tuple[int, int], view: str, file: Path | None, record: Record
) -> None:
    x, y = at
    draw = ImageDraw.Draw(sheet)
    image = _open(file)
    if image is None:
        draw.rectangle((x, y, x + CELL - 1, y + CELL - 1), fill=_BLANK)
        draw.text((x + CELL / 2, y + CELL / 2), "no image", _FAINT, caption_font(12), anchor="mm")
        return
    shown = _boxed(image, record, truth_on_top=view == HR)
    sheet.paste(shown, (x + (CELL - shown.width) // 2, y + (CELL - shown.height) // 2))
    caption = f"{image.width}×{image.height} px" if view in (LR, HR) else caption_of(record)
    draw.text((x + CELL / 2, y + CELL + 4), caption, INK, caption_font(12), anchor="ma")


def _open(file: Path | None) -> Image.Image | None:
    if file is None:
        return None
    try:
        return Image.fromarray(load_rgb(file))
    except ImageError:
        return None


def _boxed(image: Image.Image, record: Record, *, truth_on_top: bool) -> Image.Image:
    scale = CELL / max(image.size)
    rgb = np.asarray(
        image.resize(
            (max(1, round(image.width * scale)), max(1, round(image.height * scale))),
            Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BOX,
        )
    )
    layers = [("truth_", TRUTH), ("", FOUND)]
    for prefix, colour in reversed(layers) if truth_on_top else layers:
        box = box_of(record, prefix)
        if box is not None:
            rgb = draw_boxes(rgb, [box.scaled(scale, scale)], colour=colour, line=2)
    return Image.fromarray(rgb)


def _x(column: int) -> int:
    return _MARGIN + _LEFT + column * (CELL + _GAP)


def _heading(draw: ImageDraw.ImageDraw, x: int, view: str, *, oracle: bool) -> None:
    name = view.upper() if view in (LR, HR) else view
    y = _MARGIN + (2 if oracle else 10)
    draw.text((x + CELL / 2, y), shortened(name, CELL, 16), INK, caption_font(16), anchor="ma")
    if oracle:
        draw.text((x + CELL / 2, y + 19), "oracle", _FAINT, caption_font(11), anchor="ma")


def _row_label(draw: ImageDraw.ImageDraw, y: int, kind: str, key: str) -> None:
    width = _LEFT - 14
    name = key.rsplit("/", 1)[-1]
    if kind:
        draw.text((_MARGIN, y + CELL / 2 - 12), kind, INK, caption_font(15), anchor="lm")
    draw.text(
        (_MARGIN, y + CELL / 2 + 10),
        shortened(name, width, 11),
        _FAINT,
        caption_font(11),
        anchor="lm",
    )


def _legend(draw: ImageDraw.ImageDraw, y: int) -> None:
    x: float = _MARGIN + _LEFT
    font = caption_font(12)
    for colour, text in ((FOUND, "found"), (TRUTH, "ground truth")):
        draw.rectangle((x, y, x + 12, y + 12), None, INK, 3)
        draw.rectangle((x + 1, y + 1, x + 11, y + 11), None, colour, 2)
        draw.text((x + 20, y + 6), text, _FAINT, font, anchor="lm")
        x += 20 + font.getlength(text) + 24
    draw.text((x, y + 6), NOTICE, _FAINT, font, "lm")
