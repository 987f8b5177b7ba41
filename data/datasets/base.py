"""What a dataset reader is, and the few things that all of them do."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from data.boxes import Box
from data.datasets.identification import Identification
from data.datasets.integrity import fault
from data.prepared import DatasetImage
from data.regular_files import FileBytes, paths_below, read_bytes
from data.safe_text import one_line

SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".webp", ".tif", ".tiff"})
_BROKEN_SHOWN: Final = 50
"""Broken images are named one by one: only their names say which to fetch again."""


class DatasetError(ValueError):
    """A copy of a dataset cannot be read; the message is one line and names the path."""

    def __str__(self) -> str:
        return one_line(super().__str__())


@dataclass(frozen=True, slots=True)
class Report:
    """What a look at a copy of a dataset found."""

    images: int
    identities: int
    """0 where the dataset does not say who is on an image."""
    problems: tuple[str, ...] = ()
    """One line each: what is missing or wrong, and where."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset: how its images are listed and how a copy is checked."""

    name: str
    layout: str
    """What the folder has to look like, for people."""
    images: Callable[[Path], list[DatasetImage]]
    """Raises DatasetError where the layout is another one."""
    check: Callable[[Path], Report]
    side: int = 128
    """Side of the arrays that `prepare` makes unless told otherwise."""
    anchor: float = 0.5
    """Where down the height of an image the square is cut: 0 top, 1 bottom."""
    test_only: bool = False
    """Never to be trained on; the caches made of it say so."""
    identification: Identification | None = None
    """Gallery, probes and published protocols, where people are looked for in it."""


def need(path: Path, what: str) -> Path:
    """`path` if it exists; raises DatasetError naming it otherwise."""
    if not path.exists():
        raise DatasetError(f"{path} is missing: {what}")
    return path


def text_of(path: Path, encoding: str = "ascii") -> str:
    """What a text file holds; raises DatasetError naming it where that is no `encoding`."""
    try:
        return read_bytes(path).decode(encoding)
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path} cannot be read: {error}") from error


def image_files(root: Path) -> list[Path]:
    """Every image file below `root`, sorted, so that two copies list alike.

    Raises UsageError for a folder that cannot be listed.
    """
    return paths_below(root, SUFFIXES)


def file_image(path: Path, root: Path, identity: str = "", box: Box | None = None) -> DatasetImage:
    """The image in a file, called by its path below `root`."""
    return DatasetImage(path.relative_to(root).as_posix(), identity, FileBytes(path), box)


def by_identity_folder(root: Path) -> list[DatasetImage]:
    """Images of a tree with one folder for each person."""
    need(root, "the folder of the dataset")
    return [file_image(path, root, path.parent.name) for path in image_files(root)]


def few(lines: Sequence[str], rest: str, *, shown: int = 5) -> list[str]:
    """The first lines, and how many more there are: `and 7 <rest>`."""
    hidden = len(lines) - shown
    return [*lines[:shown], *([f"and {hidden:,} {rest}"] if hidden > 0 else [])]


def miscounted(count: int, expected: int, whole: str) -> list[str]:
    """The problem that `whole` has another number of images than a copy; none if it has not."""
    same = count == expected
    return [] if same else [f"{count:,} images where {whole} has {expected:,}"]


def report(
    images: Sequence[DatasetImage],
    problems: Sequence[str],
    *,
    expected: int | None = None,
    files: Sequence[DatasetImage] | None = None,
) -> Report:
    """A report over images; an empty copy, a short one and broken images are problems too.

    `files` are the images that are looked into, where `images` are cut out of them.
    """
    found = list(problems)
    if not images:
        found.append("there is no image")
    elif expected is not None:
        found += miscounted(len(images), expected, "the whole dataset")
    looked = ((p.key, fault(p)) for p in (images if files is None else files))
    broken = [f"{key}: {why}" for key, why in looked if why is not None]
    found += few(broken, "images more are broken", shown=_BROKEN_SHOWN)
    people = {p.identity for p in images if p.identity}
    return Report(len(images), len(people), tuple(found))


def guarded(check: Callable[[Path], Report]) -> Callable[[Path], Report]:
    """A check in which whatever a wrong copy raises has become the one problem of a report."""

    def run(root: Path) -> Report:
        try:
            return check(root)
        except DatasetError as error:
            return Report(0, 0, (_one_line(error),))
        except (OSError, UnicodeDecodeError, struct.error) as error:
            return Report(0, 0, (f"{root}: {_one_line(error)}",))

    return run


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
