"""COCO: one JSON file with `images`, `annotations` and `categories`.

Read with the standard library: supervision's reader decodes every segmentation mask and resolves
each image on disk, and its errors do not name the annotation. A test holds the two equal.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data.annotations.record import Record, Sides, fail, number
from data.annotations.text import text


def read_coco(path: Path) -> Iterator[Record]:
    """Boxes as `x, y, x + w, y + h`; `iscrowd` and `ignore` boxes are ignored."""
    data = _load(path)
    images = {
        _field(item, "id", where): item for where, item in _items(data, "images", path, needed=True)
    }
    names = {
        _field(item, "id", where): str(_field(item, "name", where))
        for where, item in _items(data, "categories", path, needed=False)
    }
    for where, item in _items(data, "images", path, needed=True):
        yield Record(
            image=_file_name(item, where), where=where, sides=None, size=_size(item, where)
        )
    for where, item in _items(data, "annotations", path, needed=True):
        image = images.get(_field(item, "image_id", where))
        if image is None:
            fail(where, f"image_id {item['image_id']!r} is not among the images")
        yield Record(
            image=_file_name(image, where),
            where=where,
            sides=_sides(_field(item, "bbox", where), where),
            label=names.get(item.get("category_id")),
            ignored=bool(item.get("iscrowd") or item.get("ignore")),
            size=_size(image, where),
        )


def _load(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(text(path))
    except json.JSONDecodeError as error:
        fail(f"{path}: line {error.lineno}", f"broken JSON: {error.msg}")
    except RecursionError:
        fail(str(path), "broken JSON: nested too deeply")
    except ValueError as error:  # an integer of thousands of digits
        fail(str(path), f"broken JSON: {error}")
    if not isinstance(data, dict):
        fail(str(path), "not a COCO file: the JSON is not an object with images and annotations")
    return data


def _items(
    data: dict[str, Any], name: str, path: Path, *, needed: bool
) -> Iterator[tuple[str, dict[str, Any]]]:
    items = data.get(name)
    if items is None and not needed:
        return
    if not isinstance(items, list):
        fail(str(path), f"not a COCO file: no list {name}")
    for index, item in enumerate(items):
        where = f"{path}: {name}[{index}]"
        if not isinstance(item, dict):
            fail(where, "not an object")
        yield where, item


def _field(item: dict[str, Any], name: str, where: str) -> Any:  # noqa: ANN401
    value = item.get(name)
    if value is None:
        fail(where, f"no {name}")
    if name in ("id", "image_id") and not isinstance(value, int | str):
        fail(where, f"{name} is neither a number nor a word: {value!r}")
    return value


def _file_name(item: dict[str, Any], where: str) -> str:
    return str(_field(item, "file_name", where))


def _sides(box: object, where: str) -> Sides:
    if not isinstance(box, list) or len(box) != 4:
        fail(where, f"bbox is not a list of 4 numbers: {box!r}")
    left, top, width, height = (
        number(value, name, where) for name, value in zip("xywh", box, strict=True)
    )
    return left, top, left + width, top + height


def _size(item: dict[str, Any], where: str) -> tuple[float, float] | None:
    if item.get("width") is None or item.get("height") is None:
        return None
    return number(item["width"], "width", where), number(item["height"], "height", where)
