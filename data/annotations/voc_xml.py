"""Pascal VOC: one XML file an image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from data.annotations.record import Record, Sides, fail, number
from data.annotations.text import xml_root

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

CORNERS = ("xmin", "ymin", "xmax", "ymax")


def read_voc(path: Path) -> Iterator[Record]:
    """A file, or every `*.xml` under a folder. `difficult` boxes are ignored, as VOC does.

    VOC counts pixels from 1 and names the last one inside, so a box is `xmin - 1, ymin - 1, xmax,
    ymax`. A set where some `xmin` or `ymin` is 0 (the XML made from WIDER FACE is one) counts from
    0: its corners are taken as written.
    """
    files = [path] if path.is_file() else sorted(path.rglob("*.xml"))
    if not files:
        fail(str(path), "no *.xml file in this folder")
    base = path.parent if path.is_file() else path
    records = [record for file in files for record in _file(file, base)]
    from_zero = any(record.sides and min(record.sides[:2]) <= 0 for record in records)
    yield from records if from_zero else map(_counted_from_one, records)


def _counted_from_one(record: Record) -> Record:
    if record.sides is None:
        return record
    left, top, right, bottom = record.sides
    return replace(record, sides=(left - 1, top - 1, right, bottom))


def _file(file: Path, base: Path) -> Iterator[Record]:
    root = xml_root(file)
    if root.tag != "annotation":
        fail(str(file), f"the root element is <{root.tag}>, not <annotation>")
    name = (root.findtext("filename") or "").strip() or file.stem
    image = (file.parent.relative_to(base) / name).as_posix()
    size = _size(root, str(file))
    objects = root.findall("object")
    if not objects:
        yield Record(image=image, where=str(file), sides=None, size=size)
    for index, item in enumerate(objects, start=1):
        where = f"{file}: object {index}"
        yield Record(
            image=image,
            where=where,
            sides=_sides(item, where),
            label=(item.findtext("name") or "").strip() or None,
            ignored=(item.findtext("difficult") or "").strip() == "1",
            size=size,
        )


def _sides(item: Element, where: str) -> Sides:
    box = item.find("bndbox")
    if box is None:
        fail(where, "no <bndbox>")
    left, top, right, bottom = (_number(box, name, where) for name in CORNERS)
    return left, top, right, bottom


def _size(root: Element, where: str) -> tuple[float, float] | None:
    size = root.find("size")
    if size is None:
        return None
    width, height = (_number(size, name, where) for name in ("width", "height"))
    return (width, height) if width and height else None  # some tools write 0 for unknown


def _number(parent: Element, name: str, where: str) -> float:
    text = parent.findtext(name)
    if text is None:
        fail(where, f"no <{name}>")
    return number(text, name, where)
