"""The files below a folder that may be images or videos, in a fixed order."""

import functools
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from data.atomic import PART_PREFIX
from data.images.files import IMAGE_SUFFIXES, suffix_of
from data.images.video import VIDEO_SUFFIXES
from data.regular_files import open_regular, reason
from data.safe_text import printable

log = logging.getLogger(__name__)
SUFFIXES: Final = IMAGE_SUFFIXES | VIDEO_SUFFIXES
RESULTS: Final = "journal.sqlite"
"""A file that every results folder of sr-pipeline has."""
_APPLE_DOUBLE: Final = b"\x00\x05\x16\x07"
_LARGEST: Final = 1 << 40


@dataclass(frozen=True, slots=True)
class Found:
    """A file to be opened, or a folder that could not be listed and why."""

    path: str
    problem: str | None = None


def walk(folder: Path, excluded: Path | None) -> Iterator[Found]:
    """Yield the images and videos below `folder`, sorted within each folder.

    Symbolic link loops end the descent. `excluded`, the results of earlier runs, temporary files
    of ours and the resource forks of macOS are left out; a folder of results is told on stderr.
    """
    shut = excluded.resolve() if excluded is not None else None
    stack = [_Open(str(folder), shut, frozenset(), top=True)]
    while stack:
        found = stack[-1].next()
        if found is None:
            stack.pop()
        elif isinstance(found, Found):
            yield found
        else:
            stack.append(_Open(found, shut, stack[-1].ancestors, top=False))


class _Open:
    """A folder on the way: what is left of its entries."""

    def __init__(
        self, path: str, excluded: Path | None, above: frozenset[tuple[int, int]], *, top: bool
    ) -> None:
        self._entries: Iterator[os.DirEntry[str]] = iter(())
        self._problem: Found | None = None
        self.ancestors = above
        try:
            status = Path(path).stat()
            here = (status.st_dev, status.st_ino)
            if here in above or (excluded is not None and Path(path).resolve() == excluded):
                return
            self.ancestors = above | {here}
            with os.scandir(path) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            self._problem = Found(path, f"the folder cannot be listed: {reason(error)}")
            return
        if not top and any(entry.name == RESULTS for entry in entries):
            _tell_once(path)
            return
        self._entries = iter(entries)

    def next(self) -> Found | str | None:
        """The next file, the path of the next folder, or None at the end."""
        if self._problem is not None:
            problem, self._problem = self._problem, None
            return problem
        for entry in self._entries:
            if _is_folder(entry):
                return entry.path
            if suffix_of(entry.name) in SUFFIXES and not _is_other(entry):
                return Found(entry.path)
        return None


@functools.cache
def _tell_once(path: str) -> None:
    """A listing is walked again and again; its reader wants one line."""
    log.warning("left out, results of an earlier run: %s", printable(path))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself: it becomes an error row when it is opened
        return False


def _is_other(entry: os.DirEntry[str]) -> bool:
    """Whether it is a half-written file of ours, or what macOS keeps beside a file."""
    if entry.name.startswith(PART_PREFIX):
        return True
    if not entry.name.startswith("._"):
        return False
    try:
        with open_regular(Path(entry.path), limit=_LARGEST) as file:
            return file.read(4) == _APPLE_DOUBLE
    except OSError:
        return False
