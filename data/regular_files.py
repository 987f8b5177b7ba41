"""Files from outside, read with care: regular files only, and no more bytes than are allowed.

A pipe would be waited for, a device has no end, and a sparse file fills the memory.
"""

import hashlib
import os
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Final

from data.errors import UsageError

TEXT_BYTES: Final = 1 << 30
"""The most bytes of a table, an annotation or a card that are read."""
_KINDS: Final = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


@dataclass(frozen=True, slots=True)
class Stamp:
    """What identifies the content of a file: size in bytes, time of change, SHA-256."""

    size: int
    mtime_ns: int
    sha256: str


@dataclass(frozen=True, slots=True)
class FileBytes:
    """Reads a regular file of at most 1 GiB when it is called; raises OSError."""

    path: Path

    def __call__(self) -> bytes:
        """The bytes of the file."""
        return read_bytes(self.path)


@contextmanager
def open_regular(path: Path, *, limit: int) -> Iterator[BufferedReader]:
    """Open a regular file of at most `limit` bytes for reading, without waiting for anything.

    Raises OSError, its text fit for a message, for anything else.
    """
    try:
        handle = os.open(
            path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        )
    except ValueError as error:  # a NUL in the name
        raise OSError(f"not a file name: {error}") from error
    with os.fdopen(handle, "rb") as file:
        _check(os.fstat(handle), limit)
        yield file


def is_regular(path: Path) -> bool:
    """Whether there is a regular file; False, never an error, for a name that cannot be one."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def check_regular(path: Path, *, limit: int) -> None:
    """Raise OSError unless `path` is a regular file of at most `limit` bytes."""
    try:
        _check(path.stat(), limit)
    except ValueError as error:
        raise OSError(f"not a file name: {error}") from error


def read_stamped(path: Path, *, limit: int) -> tuple[bytes, Stamp]:
    """Return the bytes of a regular file and the stamp of just these; raises OSError."""
    with open_regular(path, limit=limit) as file:
        content = file.read(limit + 1)
        if len(content) > limit:
            raise OSError(_too_large(len(content), limit))
        status = os.fstat(file.fileno())
    digest = hashlib.sha256(content).hexdigest()
    return content, Stamp(len(content), status.st_mtime_ns, digest)


def read_bytes(path: Path, *, limit: int = TEXT_BYTES) -> bytes:
    """Return the bytes of a regular file; raises OSError."""
    return read_stamped(path, limit=limit)[0]


def read_text(path: Path, *, limit: int = TEXT_BYTES) -> str:
    """Return a file as UTF-8 without its byte-order mark; raises OSError, UnicodeDecodeError."""
    return read_bytes(path, limit=limit).decode("utf-8-sig")


def stamp_of(path: Path, *, limit: int) -> Stamp:
    """Return the stamp of a file of any size up to `limit`, in small memory; raises OSError."""
    with open_regular(path, limit=limit) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        status = os.fstat(file.fileno())
    return Stamp(status.st_size, status.st_mtime_ns, digest)


def paths_below(root: Path, suffixes: Collection[str]) -> list[Path]:
    """Everything below `root` with one of the lower-case `suffixes`, sorted by folder and name.

    Raises UsageError for a folder that cannot be listed: its images would be missing in silence.
    """

    def refuse(error: OSError) -> None:
        if not root.exists():  # nothing is below it
            return
        raise UsageError(f"{error.filename}: the folder cannot be listed: {reason(error)}")

    return sorted(
        path
        for where, folders, files in os.walk(root, onerror=refuse)
        for name in (*folders, *files)
        if (path := Path(where, name)).suffix.lower() in suffixes
    )


def reason(error: OSError) -> str:
    """Return why a file could not be read, without its path."""
    return error.strerror or str(error)


def _check(status: os.stat_result, limit: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = next((name for test, name in _KINDS if test(status.st_mode)), "something else")
        raise OSError(f"{kind}, not a regular file")
    if status.st_size > limit:
        raise OSError(_too_large(status.st_size, limit))


def _too_large(size: int, limit: int) -> str:
    return f"{size / 2**20:.0f} MiB; the limit is {limit >> 20} MiB"


def separator_of(header: str) -> str:
    """The separator of a CSV file by its first line: `,`, `;` or a tab, whichever occurs most.

    >>> separator_of("image;left;top")
    ';'
    """
    return max((",", ";", "\t"), key=header.count)
