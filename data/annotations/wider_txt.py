"""The text format of WIDER FACE: a path, a count, then one box a line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from data.annotations.record import Record, fail, number
from data.annotations.text import lines

_DIGITS = 9
"""No image has more boxes than such a number says."""
INVALID = 7
"""Position of the flag for a face that the benchmark does not count."""


def read_wider(path: Path) -> Iterator[Record]:
    """Lines `x y w h [blur expression illumination invalid occlusion pose]`.

    An image without a face has the count 0, with or without a line of zeros after it.
    """
    numbered = [(i, line.strip()) for i, line in enumerate(lines(path), start=1) if line.strip()]
    at = 0
    while at < len(numbered):
        line, image = numbered[at]
        at += 1
        count = _count(path, image, numbered[at] if at < len(numbered) else (line + 1, ""))
        at += 1
        if count == 0:
            yield Record(image=image, where=f"{path}: line {line}", sides=None)
            at += at < len(numbered) and _is_zeros(numbered[at][1])
            continue
        if at + count > len(numbered):
            fail(f"{path}: line {line}", f"{count} boxes announced, the file ends before")
        for position, box in numbered[at : at + count]:
            yield _box(image, box, f"{path}: line {position}")
        at += count


def _count(path: Path, image: str, line: tuple[int, str]) -> int:
    if not line[1].isdecimal() or len(line[1]) > _DIGITS:
        fail(f"{path}: line {line[0]}", f"no number of boxes after {image!r}")
    return int(line[1])


def _is_zeros(line: str) -> bool:
    return set(line.split()) == {"0"} and len(line.split()) >= 4


def _box(image: str, line: str, where: str) -> Record:
    fields = line.split()
    if len(fields) < 4:
        fail(where, f"a box has at least 4 numbers: {line!r}")
    left, top, width, height = (
        number(value, name, where) for name, value in zip("xywh", fields, strict=False)
    )
    return Record(
        image=image,
        where=where,
        sides=(left, top, left + width, top + height),
        ignored=len(fields) > INVALID and fields[INVALID] == "1",
    )
