"""The images of a card as data URIs: native pixels, restored, spread, the whole frame."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from data.errors import ImageError
from data.images.files import load_rgb
from data.images.rgb import RGB
from data.images.video import is_video
from data.regular_files import is_regular
from pipeline.metrics.image_quality import lr_consistency
from pipeline.report.run_page.facts import box_of, number
from pipeline.report.run_page.folder import Row, RunFolder

CONTEXT: Final = 2.3
"""Side of a face's crop in widths of its box."""
_LARGEST: Final = 256
"""A crop with a longer side is reduced for the page; the folder keeps the whole one."""
_FRAME: Final = 480
_LOSSLESS_SIDE: Final = 96
_WEBP_EFFORT: Final = 2
_FRAMES_KEPT: Final = 8
Edges = tuple[float, float, float, float]


@dataclass(slots=True)
class CardImages:
    """Finds or cuts the images of cards; a file that is missing or damaged is left out."""

    run: RunFolder
    _inputs: dict[str, RGB | None] = field(default_factory=dict)
    """The last decoded inputs: the faces of one image follow each other."""

    def of(self, row: Row) -> dict[str, object]:
        """`native`, `restored`, `spread` as data URIs, their sizes, and `lr` in dB."""
        native, restored = self.pair(row)
        found: dict[str, object] = {}
        for name, rgb in (
            ("native", native),
            ("restored", restored),
            ("spread", self._spread(row)),
        ):
            if rgb is not None:
                found[name] = _uri(rgb)
                found[f"{name}Px"] = [rgb.shape[1], rgb.shape[0]]
        if (agreement := consistency(native, restored)) is not None:
            found["lr"] = agreement
        return found

    def frame(self, row: Row) -> str | None:
        """The whole image, reduced, for a row with a face; None where it is not at hand."""
        if box_of(row) is None or (whole := self._input(row)) is None:
            return None
        if max(whole.shape[:2]) <= _LARGEST:
            return _uri(whole)
        image = Image.fromarray(whole)
        image.thumbnail((_FRAME, _FRAME))
        return _encoded(image, "WEBP", quality=70)

    def pair(self, row: Row) -> tuple[RGB | None, RGB | None]:
        """The native crop and the restored one, each `(H, W, 3)`; None where there is none."""
        native = self._face_file(row, "native")
        if native is not None:
            return native, _without_mark(native, self._face_file(row, "restored"))
        whole, restored = self._input(row), self._restored(row)
        known = self.run.inputs.get(row.get("image", ""))
        region = known.region if known else None
        if (box := box_of(row)) is None:
            native = _cut(whole, region)
            return native, _without_mark(native, restored)
        square = _square(box, _bounds(row, region))
        scale = number(row, "scale") or 1.0
        origin = (region[0], region[1]) if region else (0.0, 0.0)
        return _cut(whole, square), _cut(restored, _moved(square, origin, scale))

    def _face_file(self, row: Row, kind: str) -> RGB | None:
        stem = self.run.output(row).removesuffix(".png")
        return _load(self.run.file("faces", f"{stem}-{row.get('face')}-{kind}.png"))

    def _spread(self, row: Row) -> RGB | None:
        """The map of sigma, else of spread, of the face, or its part of that of the whole image."""
        own = self._face_file(row, "sigma")
        own = self._face_file(row, "spread") if own is None else own
        whole = _load(self.run.file("spread", self.run.output(row))) if own is None else None
        if whole is None or (box := box_of(row)) is None:
            return whole if own is None else own
        known = self.run.inputs.get(row.get("image", ""))
        region = known.region if known else None
        origin = (region[0], region[1]) if region else (0.0, 0.0)
        square = _square(box, _bounds(row, region))
        return _cut(whole, _moved(square, origin, number(row, "scale") or 1.0))

    def _restored(self, row: Row) -> RGB | None:
        output = self.run.output(row)
        return _load(self.run.file("sr", output) if self.run.has_faces else self.run.file(output))

    def _input(self, row: Row) -> RGB | None:
        key = row.get("image", "")
        if key not in self._inputs:
            while len(self._inputs) >= _FRAMES_KEPT:
                self._inputs.pop(next(iter(self._inputs)))
            known = self.run.inputs.get(key)
            # A frame of a video would have to be looked for: its faces are in the folder.
            readable = None if known is None or is_video(known.path) else known.path
            self._inputs[key] = _load(readable)
        return self._inputs[key]


def sheet_uri(file: Path | None) -> str | None:
    """A contact sheet as a data URI; None where there is none."""
    sheet = _load(file)
    return None if sheet is None else _encoded(Image.fromarray(sheet), "WEBP", quality=80)


def _without_mark(native: RGB | None, restored: RGB | None) -> RGB | None:
    """The restored image without the strip that `--mark` adds below it."""
    if native is None or restored is None:
        return restored
    return restored[: native.shape[0] * (restored.shape[1] // native.shape[1]) or None]


def consistency(native: RGB | None, restored: RGB | None) -> float | None:
    """LR consistency in dB of a pair of crops; None where nothing was enlarged."""
    if native is None or restored is None or len(restored) <= len(native):
        return None
    return round(lr_consistency(restored, native), 1)


def _bounds(row: Row, region: Edges | None) -> Edges:
    """The part of the image that crops may come from."""
    return region or (0.0, 0.0, number(row, "width") or 0.0, number(row, "height") or 0.0)


def _square(box: Edges, bounds: Edges) -> Edges:
    """`CONTEXT` widths of `box` around it in whole pixels, moved inside `bounds`."""
    left, top, right, bottom = bounds
    side = min(CONTEXT * max(box[2] - box[0], box[3] - box[1]), right - left, bottom - top)
    side = max(1.0, float(round(side)))
    x = round(float(np.clip((box[0] + box[2] - side) / 2, left, max(left, right - side))))
    y = round(float(np.clip((box[1] + box[3] - side) / 2, top, max(top, bottom - side))))
    return x, y, x + side, y + side


def _moved(edges: Edges, origin: tuple[float, float], scale: float) -> Edges:
    left, top, right, bottom = edges
    x, y = origin
    return (left - x) * scale, (top - y) * scale, (right - x) * scale, (bottom - y) * scale


def _cut(rgb: RGB | None, edges: Edges | None) -> RGB | None:
    if rgb is None or edges is None:
        return rgb
    left, top, right, bottom = (max(0, round(edge)) for edge in edges)
    part = rgb[top:bottom, left:right]
    return np.ascontiguousarray(part) if part.size else None


def _load(file: Path | None) -> RGB | None:
    if file is None or not is_regular(file):
        return None
    try:
        return load_rgb(file)
    except ImageError:
        return None


def _uri(rgb: RGB) -> str:
    """Lossless where the image is small, as a face of few pixels is; else WebP of quality 90."""
    image = Image.fromarray(rgb)
    if max(image.size) > _LARGEST:
        image.thumbnail((_LARGEST, _LARGEST))
    if max(image.size) <= _LOSSLESS_SIDE:
        return _encoded(image, "PNG")  # `optimize` takes ten times as long for a tenth less
    return _encoded(image, "WEBP", quality=90, method=_WEBP_EFFORT)


def _encoded(image: Image.Image, kind: str, **options: int | bool) -> str:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    content = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f"data:image/{kind.lower()};base64,{content}"
