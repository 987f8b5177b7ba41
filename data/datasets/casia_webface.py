"""CASIA-WebFace: 494,414 images of 10,575 people, as folders or as InsightFace's record file."""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

from data.datasets.base import (
    Dataset,
    DatasetError,
    Report,
    by_identity_folder,
    few,
    guarded,
    miscounted,
    need,
    report,
    text_of,
)
from data.prepared import DatasetImage
from data.regular_files import open_regular

_MAGIC: Final = 0xCED7230A
_FRAME: Final = struct.Struct("<II")
_HEADER: Final = struct.Struct("<IfQQ")
_IMAGES: Final = 494_414
_RECORD_BYTES: Final = 1 << 40


@dataclass(frozen=True, slots=True)
class _Record:
    """One record of `train.rec`; without an image its `length` is 0."""

    key: int
    labels: tuple[float, ...]
    start: int
    length: int


def images(root: Path) -> list[DatasetImage]:
    """From `root/0000045/001.jpg` or `root/train.rec` with `train.idx`."""
    if (root / "train.rec").is_file():
        return record_images(root)
    found = by_identity_folder(root)
    if not found and (root / "train.idx").is_file():
        need(root / "train.rec", "the record file of train.idx")
    return found


def record_images(root: Path) -> list[DatasetImage]:
    """The images of `train.rec`, by the offsets of `train.idx`.

    Record 0 is a header that says how many images follow; the records behind them describe
    ranges of identities and are no images. Raises DatasetError for a file that is cut short.
    """
    return _images(root, _records(root))


def _images(root: Path, records: Sequence[_Record]) -> list[DatasetImage]:
    path = root / "train.rec"
    return [
        DatasetImage(f"{r.key:08d}", str(int(r.labels[0])), partial(_read, path, r.start, r.length))
        for r in records
        if r.length > 0
    ]


def _declared(records: Sequence[_Record]) -> int | None:
    """How many images the header counts: its first label is the record behind the last one."""
    header = next((r for r in records if r.key == 0 and r.length == 0), None)
    return None if header is None else int(header.labels[0]) - 1


def _records(root: Path) -> list[_Record]:
    path = need(root / "train.rec", "the record file")
    offsets = _offsets(need(root / "train.idx", "the index of train.rec"))
    with open_regular(path, limit=_RECORD_BYTES) as file:
        size = file.seek(0, os.SEEK_END)
        made = []
        for key, offset in offsets:
            if offset + _FRAME.size > size:
                raise DatasetError(f"{path}: record {key} lies behind the end of the file")
            made.append(_record(file, size, key, offset, path))
    return made


def _record(file: BinaryIO, size: int, key: int, offset: int, path: Path) -> _Record:
    file.seek(offset)
    magic, word = _FRAME.unpack(file.read(_FRAME.size))
    if magic != _MAGIC:
        raise DatasetError(f"{path}: no record begins at {offset} (record {key})")
    length = word & ((1 << 29) - 1)
    start = offset + _FRAME.size + _HEADER.size
    if offset + _FRAME.size + length > size or length < _HEADER.size:
        raise DatasetError(f"{path}: record {key} is cut short")
    # A flag counts labels behind the header; without one the label stands in the header itself.
    flag, label, _, _ = _HEADER.unpack(file.read(_HEADER.size))
    rest = length - _HEADER.size - 4 * flag
    if rest < 0:
        raise DatasetError(f"{path}: record {key} is too short for its {flag:,} labels")
    labels = struct.unpack(f"<{flag}f", file.read(4 * flag)) if flag else (label,)
    if not all(map(math.isfinite, labels)):
        raise DatasetError(f"{path}: record {key} has a label that is no number")
    return _Record(key, labels, start + 4 * flag, rest)


def _offsets(path: Path) -> Iterator[tuple[int, int]]:
    for number, line in enumerate(text_of(path).splitlines(), 1):
        words = line.split()
        if len(words) != 2 or not (words[0].isdigit() and words[1].isdigit()):
            raise DatasetError(f"{path}:{number}: not 'key<TAB>offset'")
        yield int(words[0]), int(words[1])


def _read(path: Path, start: int, length: int) -> bytes:
    with open_regular(path, limit=_RECORD_BYTES) as file:
        file.seek(start)
        return file.read(length)


@guarded
def _check(root: Path) -> Report:
    if (root / "train.rec").is_file():
        return _check_records(root)
    found = images(root)
    odd = sorted({p.identity for p in found if not p.identity.isdigit()})
    lines = [f"{name}/ is not a folder of an identity (digits)" for name in odd]
    problems = few(lines, "folders more are not of an identity")
    return report(found, problems, expected=_IMAGES)


def _check_records(root: Path) -> Report:
    records = _records(root)
    found, declared = _images(root, records), _declared(records)
    if declared is None:
        problems = ["train.idx has no record 0 that says how many images train.rec holds"]
    else:
        problems = miscounted(len(found), declared, "train.rec by its own header")
    return report(found, problems)


DATASET: Final = Dataset(
    name="casia_webface",
    layout="ROOT/0000045/001.jpg (one folder for each person), or ROOT/train.rec + train.idx",
    images=images,
    check=_check,
    side=160,
)
