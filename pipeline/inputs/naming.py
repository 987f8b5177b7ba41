"""Keys and output names: every image of a run has its own, on any file system."""

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Final

from data.safe_text import safe_path
from pipeline.inputs.source import Source

_LONGEST_NAME: Final = 200
_PATH_MAX: Final = 4096
_RESERVED: Final = 128
"""Bytes kept for the folder that a job adds and for the name of a temporary file."""


class Namer:
    """Gives sources their keys and output names, in the order of the listing.

    A key is taken as it is where it is free; a second one of the same name ends in `#2`. Outputs
    are compared as file systems may do that fold case or accents: `A.png` and `a.png` are one
    file there. No output is the folder of another.
    """

    def __init__(self, out: Path | None = None) -> None:
        self._keys: set[int] = set()
        self._next: dict[int, int] = {}
        self._files: set[int] = set()
        self._folders: set[int] = set()
        room = _PATH_MAX - _RESERVED
        self._longest = room - (len(str(out.absolute()).encode(errors="replace")) if out else 1024)

    def named(self, sources: Iterable[Source]) -> Iterator[Source]:
        """Yield each source with a key and an output name of its own."""
        for source in sources:
            key = self._key(source.key)
            yield replace(source, key=key, output=self._output(key))

    def _key(self, name: str) -> str:
        if _take(name, self._keys):
            return name
        start = self._next.get(hash(name), 2)
        for number in count(start):
            numbered = f"{name}#{number}"
            if _take(numbered, self._keys):
                self._next[hash(name)] = number + 1
                return numbered
        raise AssertionError("count() ends")

    def _output(self, key: str) -> str:
        plain = PurePosixPath(key)
        stem = plain.name.rpartition(".")[0] if plain.suffix else plain.name
        first = (plain.parent / f"{stem}.png").as_posix()
        return next(
            fitting
            for name in _candidates(first, key)
            if (fitting := self._fitting(name)) is not None
        )

    def _fitting(self, name: str) -> str | None:
        """The name cut to what file systems take, its folders beside files of their names."""
        # By parts: `./a` and `a` are one file, and are compared as one.
        name = "/".join(_short_part(part) for part in PurePosixPath(name).parts)
        if len(name.encode()) > self._longest:
            name = f"long/{hashlib.sha256(name.encode()).hexdigest()[:32]}.png"
        *folders, file = name.split("/")
        path = ""
        for folder in folders:
            path = _below(path, folder)
            while _folded(path) in self._files:
                path += "_"
        path = _below(path, file)
        if _folded(path) in self._files or _folded(path) in self._folders:
            return None
        self._files.add(_folded(path))
        self._folders.update(_folded(str(parent)) for parent in PurePosixPath(path).parents)
        return safe_path(path)


def _take(name: str, taken: set[int]) -> bool:
    if hash(name) in taken:
        return False
    taken.add(hash(name))
    return True


def _below(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _candidates(first: str, key: str) -> Iterator[str]:
    yield first
    yield f"{key}.png"
    for number in count(2):
        yield f"{key}#{number}.png"


def _folded(name: str) -> int:
    return hash(unicodedata.normalize("NFC", name.casefold()))


def _short_part(part: str) -> str:
    """Cut file and folder names that could pass a file system's limit of 255 bytes."""
    content = part.encode()
    if len(content) <= _LONGEST_NAME:
        return part
    digest = hashlib.sha256(content).hexdigest()[:12]
    head = content[: _LONGEST_NAME - 20].decode("utf-8", "ignore")
    return f"{head}-{digest}{PurePosixPath(part).suffix[-5:]}"
