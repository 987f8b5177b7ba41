"""The HTML page of a report: one file that needs no other and asks nothing of the network."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image

from data.images.files import open_image
from data.regular_files import read_bytes
from pipeline.environment.provenance import NOTICE
from pipeline.report.captions import Record, box_of, caption_of, records_of
from pipeline.report.data import HR, LR, Report, shown_images
from pipeline.report.plots import Drawn, plots
from pipeline.report.tables import INTERVAL, ORACLE, counts, number, table

SHOWN: Final = 60
"""Images on the page at most: it stays a few megabytes however many there were."""
_ERRORS_SHOWN: Final = 50
_LARGE: Final = 200_000
"""Bytes from which an image is reduced before it is embedded."""
_REDUCED: Final = 512


@dataclass(frozen=True, slots=True)
class PageBox:
    """A box in per cent of its image's sides; `kind` is found or truth."""

    kind: str
    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class View:
    """One image as one method (or lr, hr) shows it; `source` is a data URI."""

    name: str
    label: str
    source: str
    caption: str
    boxes: tuple[PageBox, ...]
    found: str = ""
    """`yes` or `no` where there is ground truth to find."""
    iou: float | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """One image of the set with all its views that have a file."""

    image: str
    aspect: float
    views: tuple[View, ...]


@dataclass(frozen=True, slots=True)
class Tile:
    """A headline figure."""

    value: str
    label: str


def page(report: Report, drawn: Drawn) -> str:
    """The page with the plots `drawn` and at most `SHOWN` images, chosen by the run's seed.

    Images whose file is missing or broken are left out.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    keys = shown_images(report, SHOWN)
    names = {LR: "LR (input)", HR: "HR (truth)"} | {m: _label(report, m) for m in report.methods}
    environment = Environment(
        loader=PackageLoader("pipeline.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html").render(
        notice=" ".join(filter(None, (NOTICE, report.interruption))),
        counts=counts(report),
        interval=INTERVAL,
        oracle_note=ORACLE,
        table=table(report),
        tiles=_tiles(report),
        plots=[(p, _uri(drawn[p.name, "light"]), _uri(drawn[p.name, "dark"])) for p in plots()],
        cards=_cards(report, keys, names),
        total=len(report.images),
        seed=report.seed,
        views=[LR, *report.methods, HR],
        names=names,
        before=LR,
        truth_words=_truth_words(report),
        after=_best(report),
        protocol=list(_flat(report.protocol)),
        errors=_errors(report)[:_ERRORS_SHOWN],
        error_count=len(_errors(report)),
    )


def _truth_words(report: Report) -> str:
    if report.protocol.get("ground_truth") == "pseudo":
        return "pseudo truth: the detector's own box on HR"
    return "ground truth"


def _label(report: Report, method: str) -> str:
    return f"{method} (oracle)" if method in report.oracles else method


def _best(report: Report) -> str:
    """The method first shown: the most accurate of those that saw no ground truth."""
    rows = [r for r in report.summary if not r.get("oracle")] or report.summary
    return str(max(rows, key=lambda row: number(row, "accuracy") or 0.0)["method"])


def _tiles(report: Report) -> list[Tile]:
    first = report.summary[0]
    tiles = [Tile(f"{len(report.images):,}", "images")]
    if (n := number(first, "n")) is not None:
        kind = "pseudo" if report.protocol.get("ground_truth") == "pseudo" else "ground"
        tiles.append(Tile(f"{n:,.0f}", f"with {kind} truth"))
    if (hr := number(first, "hr_found")) is not None:
        tiles.append(Tile(f"{100 * hr:.1f} %", "show a face on HR"))
    best = next(row for row in report.summary if row["method"] == _best(report))
    if (accuracy := number(best, "accuracy")) is not None:
        tiles.append(Tile(f"{100 * accuracy:.1f} %", f"accuracy, {_label(report, _best(report))}"))
    return tiles


def _cards(report: Report, keys: Sequence[str], names: Mapping[str, str]) -> list[Card]:
    records = records_of(report, keys)
    cards = []
    for key in keys:
        views, aspect = [], 1.0
        for name in (LR, *report.methods, HR):
            opened = _open(report.image(name, key))
            if opened is None:
                continue
            source, (width, height) = opened
            record = records.get((name, key), {})
            small = f"{width}×{height} px"
            caption = small if name in (LR, HR) else caption_of(record) or small
            boxes = () if name == LR else tuple(_boxes(record, width, height))
            found, iou = _outcome(record) if name != LR else ("", None)
            views.append(View(name, names[name], source, caption, boxes, found, iou))
            aspect = width / height
        if views:
            cards.append(Card(key, aspect, tuple(views)))
    return cards


def _outcome(record: Record) -> tuple[str, float | None]:
    """Whether the face was found again, and its IoU; nothing where there is no ground truth."""
    if not record.get("truth"):
        return "", None
    found = bool(record.get("found"))
    iou = record.get("iou")
    return "yes" if found else "no", float(iou) if found and isinstance(iou, float) else 0.0


def _boxes(record: Record, width: int, height: int) -> Iterator[PageBox]:
    for kind, prefix in (("truth", "truth_"), ("found", "")):
        box = box_of(record, prefix)
        if box is not None:
            yield PageBox(
                kind,
                100 * box.left / width,
                100 * box.top / height,
                100 * box.width / width,
                100 * box.height / height,
            )


def _open(file: Path | None) -> tuple[str, tuple[int, int]] | None:
    """An image as a data URI with its size; None where it is missing or no image."""
    if file is None:
        return None
    try:
        content = read_bytes(file)
        with open_image(content) as image:
            size = image.size
            if len(content) > _LARGE:
                image.thumbnail((_REDUCED, _REDUCED))
                buffer = io.BytesIO()
                image.convert("RGB").save(buffer, "PNG")
                content = buffer.getvalue()
    except (OSError, Image.DecompressionBombError):
        return None
    return _uri(content), size


def _uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"


def _flat(values: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        elif isinstance(value, list | tuple):
            yield f"{prefix}{key}", ", ".join(str(item) for item in value)
        elif isinstance(value, bool):
            yield f"{prefix}{key}", "yes" if value else "no"
        elif value is not None and value != "":
            yield f"{prefix}{key}", str(value)


def _errors(report: Report) -> list[tuple[str, str, str]]:
    failed = report.rows[report.rows["error"].fillna("") != ""]
    columns = (failed[name].astype(str) for name in ("image", "method", "error"))
    return list(zip(*columns, strict=True))
