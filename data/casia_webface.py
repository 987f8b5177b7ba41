"""CASIA-WebFace: 494,414 pictures of 10,575 people, as folders or as InsightFace's record file."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from data.cache import Picture
from data.readers import (
    Dataset,
    DatasetError,
    Report,
    by_identity_folder,
    guarded,
    need,
    report,
)

_MAGIC: Final = 0xCED7230A
_HEADER: Final = struct.Struct("<IfQQ")
_PICTURES: Final = 494_414


def pictures(root: Path) -> list[Picture]:
    """From `root/0000045/001.jpg` or `root/train.rec` with `train.idx`."""
    if (root / "train.rec").is_file():
        return record_pictures(root)
    return by_identity_folder(root)


def record_pictures(root: Path) -> list[Picture]:
    """The pictures of `train.rec`, by the offsets of `train.idx`.

    Record 0 is a header that says how many pictures follow; the records behind them describe
    ranges of identities and are no pictures. Raises DatasetError for a file that is cut short.
    """
    records = need(root / "train.rec", "the record file")
    offsets = _offsets(need(root / "train.idx", "the index of train.rec"))
    made = []
    with records.open("rb") as file:
        size = file.seek(0, 2)
        for key, offset in offsets:
            if offset + 8 > size:
                raise DatasetError(f"{records}: record {key} lies behind the end of the file")
            label, start, length = _locate(file.seek, file.read, offset, records, key)
            if start + length > size:
                raise DatasetError(f"{records}: record {key} is cut short")
            if label is not None:
                made.append(Picture(f"{key:08d}", label, partial(_read, records, start, length)))
    return made


def _locate(
    seek: object, read: object, offset: int, path: Path, key: int
) -> tuple[str | None, int, int]:
    """Identity (None for a record without a picture), and where the picture's bytes are."""
    assert callable(seek) and callable(read)
    seek(offset)
    magic, word = struct.unpack("<II", read(8))
    if magic != _MAGIC:
        raise DatasetError(f"{path}: no record begins at {offset} (record {key})")
    length = word & ((1 << 29) - 1)
    flag, label, _, _ = _HEADER.unpack(read(_HEADER.size))
    if flag == 0:
        return str(int(label)), offset + 8 + _HEADER.size, length - _HEADER.size
    values = struct.unpack(f"<{flag}f", read(4 * flag))
    rest = length - _HEADER.size - 4 * flag
    # A header record carries numbers only; a picture with several labels carries bytes behind them.
    identity = str(int(values[0])) if rest > 0 else None
    return identity, offset + 8 + _HEADER.size + 4 * flag, rest


def _offsets(path: Path) -> Iterator[tuple[int, int]]:
    for number, line in enumerate(path.read_text("ascii").splitlines(), 1):
        words = line.split()
        if len(words) != 2 or not (words[0].isdigit() and words[1].isdigit()):
            raise DatasetError(f"{path}:{number}: not 'key<TAB>offset'")
        yield int(words[0]), int(words[1])


def _read(path: Path, start: int, length: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(length)


@guarded
def _check(root: Path) -> Report:
    found = pictures(root)
    problems = []
    if not (root / "train.rec").is_file():
        odd = sorted({p.identity for p in found if not p.identity.isdigit()})
        problems += [f"{name}/ is not a folder of an identity (digits)" for name in odd[:5]]
    return report(found, problems, expected=_PICTURES)


DATASET: Final = Dataset(
    name="casia_webface",
    layout="ROOT/0000045/001.jpg (one folder for each person), or ROOT/train.rec + train.idx",
    pictures=pictures,
    check=_check,
    side=160,
)
