"""Paragraphs, tables of facts and image pairs on A4 pages."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from data.errors import UsageError

if TYPE_CHECKING:
    from fpdf import FPDF
    from PIL import Image

FONT: Final = "DejaVu"
_MARGIN: Final = 18.0
_BODY: Final = 9.5
_SMALL: Final = 7.5
_LINE: Final = 4.6
_HALF: Final = 28.0
"""Width in mm of one image of a pair."""


class Document:
    """A4 pages in millimetres, with the notice in the foot of each."""

    def __init__(self, *, title: str, foot: str, created: datetime) -> None:
        """Start the document; raises `UsageError` when fpdf2 is not installed."""
        self.pdf = _new(foot)
        self.pdf.set_title(title)
        self.pdf.set_creation_date(created)
        self.pdf.add_page()

    def heading(self, text: str, *, level: int = 2) -> None:
        """A heading; level 1 is the title."""
        if self.pdf.will_page_break(30):
            self.pdf.add_page()
        self.pdf.ln(1 if level == 1 else 5)
        self.pdf.set_font(FONT, "B", 17 if level == 1 else 12.5)
        self._cell(text, 8)
        self.pdf.ln(1)

    def paragraph(self, text: str, *, bold: bool = False) -> None:
        """Running text."""
        self.pdf.set_font(FONT, "B" if bold else "", _BODY)
        self._cell(text, _LINE)
        self.pdf.ln(1)

    def bullets(self, texts: Sequence[str]) -> None:
        """A list."""
        for text in texts:
            self.paragraph(f"•  {text}")

    def facts(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Two columns: a name, and its value in any number of lines."""
        pdf = self.pdf
        for name, value in pairs:
            if pdf.will_page_break(2 * _LINE):
                pdf.add_page()
            top = pdf.get_y()
            pdf.set_font(FONT, "B", _SMALL)
            pdf.multi_cell(42, _LINE - 0.8, name, align="L", new_x="RIGHT", new_y="NEXT")
            left_end = pdf.get_y()
            pdf.set_xy(_MARGIN + 44, top)
            pdf.set_font(FONT, "", _SMALL)
            width = pdf.epw - 44
            pdf.multi_cell(width, _LINE - 0.8, value, align="L", new_x="LMARGIN", new_y="NEXT")
            pdf.set_y(max(pdf.get_y(), left_end, top + _LINE - 0.8) + 0.6)

    def images(
        self, pair: Sequence[tuple[Image.Image, str]], facts: Sequence[tuple[str, str]]
    ) -> None:
        """Images beside each other with a caption below each, and facts to their right."""
        pdf = self.pdf
        height = max(_HALF + 10, 4.0 * len(facts) + 4)
        if pdf.will_page_break(height):
            pdf.add_page()
        top = pdf.get_y()
        for number, (image, caption) in enumerate(pair):
            left = _MARGIN + number * (_HALF + 2)
            shown = _HALF * image.height / image.width
            width = _HALF if shown <= _HALF else _HALF * _HALF / shown
            pdf.image(image, left, top, w=width)
            pdf.set_xy(left, top + min(shown, _HALF) + 0.6)
            pdf.set_font(FONT, "", 6)
            pdf.multi_cell(_HALF, 2.8, caption, align="L")
        left = _MARGIN + 2 * (_HALF + 2) + 2
        y = top
        for name, value in facts:
            pdf.set_xy(left, y)
            pdf.set_font(FONT, "B", 7)
            pdf.cell(30, 3.8, name)
            pdf.set_font(FONT, "", 7)
            pdf.multi_cell(pdf.w - _MARGIN - left - 30, 3.8, value, align="L")
            y = pdf.get_y()
        pdf.set_y(max(y, top + _HALF + 8) + 2)

    def save(self, path: Path) -> None:
        """Write the file."""
        self.pdf.output(str(path))

    def _cell(self, text: str, line: float) -> None:
        self.pdf.multi_cell(0, line, text, align="L", new_x="LMARGIN", new_y="NEXT")


def _new(foot: str) -> FPDF:
    try:
        from fpdf import FPDF
    except ImportError as error:
        raise UsageError("the PDF needs fpdf2: pip install sr-pipeline[pdf]") from error

    class Pages(FPDF):
        def footer(self) -> None:
            self.set_y(-13)
            self.set_font(FONT, "", 7)
            self.cell(0, 5, f"{foot}   ·   page {self.page_no()} of {{nb}}", align="C")

    pdf = Pages(format="A4")
    pdf.set_margin(_MARGIN)
    pdf.set_auto_page_break(True, 18)
    for style, name in (("", "DejaVuSans.ttf"), ("B", "DejaVuSans-Bold.ttf")):
        pdf.add_font(FONT, style, str(_fonts() / name))
    return pdf


def _fonts() -> Path:
    """Matplotlib's fonts: they hold more alphabets than the fonts inside every PDF reader."""
    found = importlib.util.find_spec("matplotlib")
    if found is None or found.origin is None:
        raise UsageError("the PDF needs the fonts of matplotlib: pip install matplotlib")
    return Path(found.origin).parent / "mpl-data" / "fonts" / "ttf"
