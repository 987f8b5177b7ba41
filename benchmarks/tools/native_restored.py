"""The image of the README: faces as `detect` found them, native beside restored.

Run these three commands from the root of the repository:

    sr-pipeline degrade data/samples/solvay16.png data/samples/solvay18.png --out out/solvay
    sr-pipeline detect out/solvay/hr --out out/solvay/found --upscaler gflmser-real
    python -m benchmarks.tools.native_restored out/solvay/found docs/images/native_restored.webp

The samples were enlarged from a group photograph. `degrade` takes them back to 64×64 pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
from PIL import Image, ImageDraw

from data.errors import UsageError
from data.images.files import load_rgb
from data.images.rgb import RGB
from pipeline.cli import main as run
from pipeline.report.drawing import caption_font

_SIDE: Final = 256
_GAP: Final = 8
_LINE: Final = 26
_INK: Final = (30, 30, 30)


def sheet_of(faces: Sequence[tuple[RGB, RGB]]) -> Image.Image:
    """One row for each `(native, restored)` face: native pixels, bicubic, restored."""
    rows = [_row(native, restored) for native, restored in faces]
    sheet = Image.new("RGB", (rows[0].width, sum(row.height + _GAP for row in rows)), "white")
    for number, row in enumerate(rows):
        sheet.paste(row, (0, number * (row.height + _GAP)))
    return sheet


def _row(native: RGB, restored: RGB) -> Image.Image:
    small, large = Image.fromarray(native), Image.fromarray(restored)
    size = (_SIDE, _SIDE)
    cells = {
        f"native, {small.width}×{small.height} px": small.resize(size, Image.Resampling.NEAREST),
        "bicubic": small.resize(size, Image.Resampling.BICUBIC),
        f"restored, {large.width}×{large.height} px": large.resize(size, Image.Resampling.BICUBIC),
    }
    row = Image.new("RGB", (len(cells) * (_SIDE + _GAP) - _GAP, _SIDE + _LINE), "white")
    draw = ImageDraw.Draw(row)
    for number, (caption, cell) in enumerate(cells.items()):
        left = number * (_SIDE + _GAP)
        row.paste(cell, (left, 0))
        place = (left + _SIDE / 2, _SIDE + _LINE / 2)
        draw.text(place, caption, _INK, caption_font(14), anchor="mm")
    return row


@click.command()
@click.argument("found", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
def main(found: Path, out: Path) -> None:
    """Write OUT, a WebP image without loss, from the faces of FOUND, which `detect` made."""
    natives = sorted((found / "faces").rglob("*-native.png"))
    if not natives:
        raise UsageError(f"{found / 'faces'} holds no faces")
    restored = [path.with_name(path.name.replace("-native", "-restored")) for path in natives]
    pairs = [(load_rgb(a), load_rgb(b)) for a, b in zip(natives, restored, strict=True)]
    sheet = sheet_of(pairs).quantize(256).convert("RGB")
    sheet.save(out, "WEBP", lossless=True, quality=100, method=6)
    click.echo(out)


if __name__ == "__main__":
    run(main)
