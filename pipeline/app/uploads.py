"""Uploaded files become files of a run folder under names that cannot leave it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from data.errors import UsageError
from data.images.files import IMAGE_SUFFIXES
from data.images.video import VIDEO_SUFFIXES

if TYPE_CHECKING:
    from werkzeug.datastructures import FileStorage

_LONGEST: Final = 120
_DEEPEST: Final = 4
_ODD: Final = re.compile(r"[^\w .()+-]", re.UNICODE)


def safe_path(name: str) -> Path:
    """A relative path made of the harmless parts of `name`, at most four folders deep.

    `..`, drive letters, separators and control characters are taken out. Raises `UsageError` when
    nothing is left.

    >>> safe_path("../../etc/passwd.png").as_posix()
    'etc/passwd.png'
    """
    parts = [_safe_part(part) for part in re.split(r"[/\\]+", name)]
    kept = [part for part in parts if part][-_DEEPEST:]
    if not kept:
        raise UsageError(f"a file without a usable name: {name[:80]!r}")
    return Path(*kept)


def _safe_part(part: str) -> str:
    clean = _ODD.sub("_", part).strip(" .")
    if len(clean) > _LONGEST:
        stem, dot, suffix = clean.rpartition(".")
        clean = f"{stem[: _LONGEST - 10]}{dot}{suffix[-8:]}"
    return clean


def save_images(files: Iterable[FileStorage], folder: Path) -> int:
    """Save images and videos below `folder`; return how many.

    Raises `UsageError` for a file of another kind.
    """
    return sum(1 for _ in _saved(files, folder, IMAGE_SUFFIXES | VIDEO_SUFFIXES))


def save_gallery(files: Iterable[FileStorage], folder: Path) -> int:
    """Save a gallery below `folder`, a folder per person; return how many images there are.

    The browser sends `CHOSEN/PERSON/FILE`: the chosen folder's own name is left out. Files that are
    no images are passed over, as a gallery folder may hold notes.
    """
    chosen = [f for f in files if Path(f.filename or "").suffix.lower() in IMAGE_SUFFIXES]
    for file in chosen:
        parts = safe_path(file.filename or "").parts
        if len(parts) < 2:
            raise UsageError("the gallery is a folder with one folder per person")
        _write(file, folder, Path(*parts[-2:]))
    return len(chosen)


def _saved(files: Iterable[FileStorage], folder: Path, suffixes: frozenset[str]) -> Iterator[Path]:
    for file in files:
        name = file.filename or ""
        path = safe_path(name)
        if path.suffix.lower() not in suffixes:
            raise UsageError(f"{path.name}: neither an image nor a video by its name")
        yield _write(file, folder, path)


def _write(file: FileStorage, folder: Path, name: Path) -> Path:
    target = folder / name
    number = 2
    while target.exists():
        target = (folder / name).with_stem(f"{name.stem} ({number})")
        number += 1
    if not target.resolve().is_relative_to(folder.resolve()):
        raise UsageError(f"{name} would leave the run folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    file.save(target)
    return target
