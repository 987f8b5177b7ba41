"""Every format of annotations by its name: ours, then those of other packages."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

from data.annotations.base import AnnotationFormat
from data.annotations.coco_json import read_coco
from data.annotations.csv_file import looks_like_header, read_csv
from data.annotations.dlib_xml import read_dlib
from data.annotations.record import fail
from data.annotations.text import text
from data.annotations.voc_xml import read_voc
from data.annotations.wider_txt import read_wider
from data.errors import TruthError

GROUP: Final = "sr_pipeline.annotations"
"""Entry points by which other packages add formats."""


def _root(content: str) -> str:
    """Name of the root element of XML; empty for what is no XML."""
    found = re.search(r"<([A-Za-z][\w.-]*)", content) if content.startswith("<") else None
    return found[1] if found else ""


def _is_wider(content: str) -> bool:
    second = [*content.splitlines()[:2], "", ""][1]
    return second.strip().isdecimal()


def _is_csv(content: str) -> bool:
    first = [*content.splitlines()[:1], ""][0]
    return looks_like_header(first) or "," in first


OURS: Final = (
    AnnotationFormat(
        name="voc", read=read_voc, recognises=lambda content: _root(content) == "annotation"
    ),
    AnnotationFormat(
        name="dlib", read=read_dlib, recognises=lambda content: _root(content) == "dataset"
    ),
    AnnotationFormat(
        name="coco", read=read_coco, recognises=lambda content: content.startswith(("{", "["))
    ),
    AnnotationFormat(name="wider", read=read_wider, recognises=_is_wider),
    AnnotationFormat(name="csv", read=read_csv, recognises=_is_csv),
)
"""In the order in which a file is tried."""


@functools.cache
def formats() -> Mapping[str, AnnotationFormat]:
    """Name -> format: those of other packages are tried first, they know best what is theirs.

    Raises TruthError when an entry point is no `AnnotationFormat`, or two have one name.

    >>> sorted(formats())[:2]
    ['coco', 'csv']
    """
    found: dict[str, AnnotationFormat] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        own = entry.load()
        if not isinstance(own, AnnotationFormat):
            fail(f"entry point {GROUP}", f"{entry.value} is no AnnotationFormat")
        found[own.name] = own
    for own in OURS:
        if own.name in found:
            fail(f"entry point {GROUP}", f"two formats are called {own.name!r}")
        found[own.name] = own
    return found


def format_names() -> list[str]:
    """Every name that `--truth-format` takes, sorted."""
    return sorted(formats())


def found_format(path: Path) -> str:
    """Name of the format that the content of `path` shows; raises TruthError when it shows none."""
    if path.is_dir():
        return "voc"
    content = text(path).lstrip()
    for name, one in formats().items():
        if one.recognises(content):
            return name
    if content.startswith("<"):
        fail(str(path), "XML, but neither Pascal VOC (<annotation>) nor dlib (<dataset>)")
    fail(str(path), f"none of the formats {', '.join(formats())}")


def reader(name: str) -> AnnotationFormat:
    """The format of that name; raises TruthError otherwise."""
    if name not in formats():
        raise TruthError(f"no annotation format {name!r}; known: {', '.join(format_names())}")
    return formats()[name]
