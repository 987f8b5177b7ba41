"""XML of dlib's imglab: `dataset/images/image/box`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from data.annotations.record import Record, Sides, fail, number
from data.annotations.text import xml_root

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


def read_dlib(path: Path) -> Iterator[Record]:
    """Boxes as `left, top, left + width, top + height`; `ignore='1'` and `<label>` are kept."""
    root = xml_root(path)
    if root.tag != "dataset":
        fail(str(path), f"the root element is <{root.tag}>, not <dataset>")
    for index, image in enumerate(root.iter("image"), start=1):
        file = image.get("file")
        if not file:
            fail(f"{path}: image {index}", "no attribute file")
        where = f"{path}: image {file!r}"
        size = _size(image, where)
        boxes = image.findall("box")
        if not boxes:
            yield Record(image=file, where=where, sides=None, size=size)
        for position, box in enumerate(boxes, start=1):
            here = f"{where}, box {position}"
            yield Record(
                image=file,
                where=here,
                sides=_sides(box, here),
                label=(box.findtext("label") or "").strip() or None,
                ignored=box.get("ignore") == "1",
                size=size,
            )


def _sides(box: Element, where: str) -> Sides:
    left, top, width, height = (
        _attribute(box, name, where) for name in ("left", "top", "width", "height")
    )
    return left, top, left + width, top + height


def _size(image: Element, where: str) -> tuple[float, float] | None:
    if image.get("width") is None or image.get("height") is None:
        return None
    return _attribute(image, "width", where), _attribute(image, "height", where)


def _attribute(element: Element, name: str, where: str) -> float:
    value = element.get(name)
    if value is None:
        fail(where, f"no attribute {name}")
    return number(value, name, where)
