"""What a restored image says about itself: words inside the PNG file, and a mark that is seen."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from data.atomic import whole_file
from data.images.rgb import RGB

WORDS: Final = "restored, not evidence of identity"
"""In the PNG text `Comment` and in the XMP field `dc:description` of each restored image."""
_XMP: Final = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:CreatorTool="{tool}">
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{words}</rdf:li></rdf:Alt></dc:description>
</rdf:Description>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""
_INK: Final = (24, 24, 27)
_PAPER: Final = (240, 228, 66)
_LONG: Final = "RESTORED, NOT EVIDENCE OF IDENTITY"
_SHORT: Final = ("RESTORED, NOT EVIDENCE", "RESTORED", "REST.", "R")
_LEAST: Final = 8


def save_restored(path: Path, rgb: RGB, *, mark: bool = False, upscaler: str = "") -> None:
    """Write a restored image `(H, W, 3)` as PNG, whole, with `WORDS` in its text and XMP.

    With `mark` a strip with the words is added below the image: no pixel of it is covered. Equal
    arguments give equal bytes. Raises `OutputError` when the file cannot be written.
    """
    info = PngInfo()
    info.add_text("Comment", WORDS)
    info.add_text("Software", f"sr-pipeline, upscaler {upscaler}" if upscaler else "sr-pipeline")
    xmp = _XMP.format(tool=escape("sr-pipeline", {'"': "&quot;"}), words=escape(WORDS))
    info.add_itxt("XML:com.adobe.xmp", xmp)
    image = Image.fromarray(marked(rgb) if mark else rgb)
    with whole_file(path) as temporary:
        image.save(temporary, format="PNG", compress_level=1, pnginfo=info)


def marked(rgb: RGB) -> RGB:
    """`rgb` with a strip below it that says that it is restored, in as many words as fit."""
    height, width = rgb.shape[:2]
    size = max(_LEAST, min(width, height) // 16)
    font = ImageFont.load_default(size)
    words = next((w for w in (_LONG, *_SHORT) if font.getlength(w) <= width - 2), _SHORT[-1])
    strip = Image.new("RGB", (width, round(size * 1.5)), _PAPER)
    middle = (width / 2, strip.height / 2)
    ImageDraw.Draw(strip).text(middle, words, fill=_INK, font=font, anchor="mm")
    return np.ascontiguousarray(np.concatenate([rgb, np.asarray(strip)]))
