"""The contact sheet of tracks: best frame, its restoration and the fused one, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw

from pipeline.environment.provenance import NOTICE
from pipeline.environment.words import counted
from pipeline.report.drawing import INK, PAPER, caption_font, shortened

__all__ = ["SHOWN", "TrackCell", "track_sheet"]

SHOWN: Final = 40
"""Tracks on one sheet; the longest ones are shown."""
_CELL: Final = 128
_GAP: Final = 10
_TEXT: Final = 300
_MARGIN: Final = 24
_HEAD: Final = 28
_FOOT: Final = 30
_FAINT: Final = (113, 113, 122)
_BLANK: Final = (244, 244, 245)
_VIEWS: Final = (("native", "best frame"), ("restored", "restored"), ("fused", "fused"))


@dataclass(frozen=True, slots=True)
class TrackCell:
    """What the sheet says of one track; `stem` leads to its images without `-native.png`."""

    stem: Path
    number: int
    first: str
    last: str
    frames: int
    fused: int | None
    face_px: float
    name: str = ""


def track_sheet(tracks: Sequence[TrackCell]) -> Image.Image:
    """One row for each track, at most `SHOWN` of them, in the order of their numbers.

    Native pixels are enlarged by nearest neighbour, so that few pixels are seen as few.
    """
    longest = sorted(tracks, key=lambda one: (-one.frames, one.number))[:SHOWN]
    picked = sorted(longest, key=lambda one: one.number)
    width = 2 * _MARGIN + len(_VIEWS) * (_CELL + _GAP) + _TEXT
    row = _CELL + _GAP
    sheet = Image.new("RGB", (width, 2 * _MARGIN + _HEAD + len(picked) * row + _FOOT), PAPER)
    draw = ImageDraw.Draw(sheet)
    for column, (_, title) in enumerate(_VIEWS):
        draw.text((_x(column) + _CELL / 2, _MARGIN), title, INK, caption_font(14), anchor="ma")
    for index, track in enumerate(picked):
        y = _MARGIN + _HEAD + index * row
        for column, (kind, _) in enumerate(_VIEWS):
            _paste(sheet, (_x(column), y), track.stem.with_name(f"{track.stem.name}-{kind}.png"))
        _words(draw, (_x(len(_VIEWS)), y), track)
    hidden = len(tracks) - len(picked)
    words = f"{NOTICE} {counted(hidden, 'shorter track')} not shown." if hidden else NOTICE
    draw.text((_MARGIN, sheet.height - _FOOT), words, _FAINT, caption_font(12))
    return sheet


def _x(column: int) -> int:
    return _MARGIN + column * (_CELL + _GAP)


def _paste(sheet: Image.Image, at: tuple[int, int], file: Path) -> None:
    try:
        with Image.open(file) as opened:
            image = opened.convert("RGB")
    except OSError:
        ImageDraw.Draw(sheet).rectangle((*at, at[0] + _CELL - 1, at[1] + _CELL - 1), fill=_BLANK)
        return
    scale = _CELL / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    kernel = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BOX
    shown = image.resize(size, kernel)
    sheet.paste(shown, (at[0] + (_CELL - size[0]) // 2, at[1] + (_CELL - size[1]) // 2))


def _words(draw: ImageDraw.ImageDraw, at: tuple[int, int], track: TrackCell) -> None:
    fused = f"{counted(track.fused, 'frame')} fused" if track.fused else "not fused"
    head = f"track {track.number}: {track.name}" if track.name else f"track {track.number}"
    lines = [
        (head, 15, INK),
        (f"{counted(track.frames, 'frame')}, {fused}", 12, INK),
        (f"face {track.face_px:.0f} px wide", 12, INK),
        (f"from {track.first}", 11, _FAINT),
        (f"to {track.last}", 11, _FAINT),
    ]
    y = at[1] + 8
    for text, size, colour in lines:
        draw.text((at[0] + 6, y), shortened(text, _TEXT - 12, size), colour, caption_font(size))
        y += size + 8
