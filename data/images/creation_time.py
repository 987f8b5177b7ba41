"""When a video was recorded, as its MP4 or MOV header says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BufferedReader
from pathlib import Path
from typing import Final

from data.regular_files import open_regular

__all__ = ["creation_time"]

_LARGEST: Final = 1 << 42
_MOST_BOXES: Final = 1_000
_EPOCH: Final = datetime(1904, 1, 1, tzinfo=UTC)
"""Zero of the times in an MP4 file (ISO 14496-12)."""
_FIRST: Final = datetime(1971, 1, 1, tzinfo=UTC)
"""Earlier times are those of cameras whose clock was never set."""


def creation_time(path: Path) -> datetime | None:
    """The `creation_time` of an MP4, MOV or M4V file in UTC; None where it has none.

    Only the header of the movie (`moov/mvhd`) is read. Never raises for a damaged file.

    Example:
        >>> creation_time(Path("gate.mp4"))  # doctest: +SKIP
        datetime.datetime(2026, 11, 27, 14, 3, 5, tzinfo=datetime.timezone.utc)
    """
    try:
        with open_regular(path, limit=_LARGEST) as file:
            return _created(file)
    except (OSError, OverflowError, ValueError):
        return None


def _created(file: BufferedReader) -> datetime | None:
    for kind, start, end in _boxes(file, 0, None):
        if kind != b"moov":
            continue
        for inner, at, _ in _boxes(file, start, end):
            if inner == b"mvhd":
                file.seek(at)
                head = file.read(12)
                seconds = int.from_bytes(head[4:12] if head[:1] == b"\x01" else head[4:8], "big")
                found = _EPOCH + timedelta(seconds=seconds)
                return found if found >= _FIRST else None
    return None


def _boxes(file: BufferedReader, at: int, end: int | None) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of the content of each box from `at` to `end`."""
    for _ in range(_MOST_BOXES):
        if end is not None and at >= end:
            return
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            return
        size, begin = int.from_bytes(head[:4], "big"), at + 8
        if size == 1:  # the size stands behind the kind, in 64 bits
            size, begin = int.from_bytes(head[8:16], "big"), at + 16
        if at + size < begin:  # 0: to the end of the file, which is never followed by a header
            return
        yield head[4:8], begin, at + size
        at += size
