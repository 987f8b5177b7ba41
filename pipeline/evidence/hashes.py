"""SHA-256 of files and of decoded images: what evidence.json states and `replay` compares."""

import functools
import hashlib
from pathlib import Path
from typing import Final

from data.errors import UsageError
from data.images.rgb import RGB
from data.regular_files import open_regular

_BLOCK: Final = 1 << 20
_ANY_SIZE: Final = 1 << 62


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, 64 hex digits; raises `UsageError` when it cannot be read.

    A file is read once while its size and time of change stay the same: a video is one file and
    thousands of images.
    """
    try:
        stat = path.stat()
        return _sha256(path.absolute(), stat.st_size, stat.st_mtime_ns)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error


def tree_sha256(folder: Path) -> str:
    """SHA-256 over names and contents of the regular files below `folder`; raises `UsageError`."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        digest.update(f"{file_sha256(path)} {name!r}\n".encode())
    return digest.hexdigest()


@functools.lru_cache(maxsize=256)
def _sha256(path: Path, _size: int, _changed: int) -> str:
    digest = hashlib.sha256()
    with open_regular(path, limit=_ANY_SIZE) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def image_sha256(rgb: RGB) -> str:
    """SHA-256 of a decoded image `(H, W, 3)` uint8, 64 hex digits.

    Hashed are the ASCII line `RGB8 WIDTHxHEIGHT` with a line feed, then the bytes row by row. Two
    files that decode to the same pixels have the same hash.

    >>> import numpy as np
    >>> image_sha256(np.zeros((2, 3, 3), np.uint8))[:8]
    '3016e12e'
    """
    height, width = rgb.shape[:2]
    digest = hashlib.sha256(f"RGB8 {width}x{height}\n".encode())
    digest.update(rgb.tobytes())
    return digest.hexdigest()
