"""What a dataset reader is, and the few things that all of them do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from data.cache import Picture

SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".webp", ".tif", ".tiff"})


class DatasetError(ValueError):
    """A copy of a dataset cannot be read; the message is one line and names the path."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a look at a copy of a dataset found."""

    pictures: int
    identities: int
    """0 where the dataset does not say who is on a picture."""
    problems: tuple[str, ...] = ()
    """One line each: what is missing or wrong, and where."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset: how its pictures are listed and how a copy is checked."""

    name: str
    layout: str
    """What the folder has to look like, for people."""
    pictures: Callable[[Path], list[Picture]]
    """Raises DatasetError where the layout is another one."""
    check: Callable[[Path], Report]
    side: int = 128
    """Side of the arrays that `prepare` makes unless told otherwise."""
    anchor: float = 0.5
    """Where down the height of a picture the square is cut: 0 top, 1 bottom."""
    test_only: bool = False
    """Never to be trained on."""


def need(path: Path, what: str) -> Path:
    """`path` if it exists; raises DatasetError naming it otherwise."""
    if not path.exists():
        raise DatasetError(f"{path} is missing: {what}")
    return path


def image_files(root: Path) -> Iterator[Path]:
    """Every picture file below `root`, sorted, so that two copies list alike."""
    return iter(sorted(p for p in root.rglob("*") if p.suffix.lower() in SUFFIXES))


def file_picture(path: Path, root: Path, identity: str = "") -> Picture:
    """The picture in a file, called by its path below `root`."""
    return Picture(path.relative_to(root).as_posix(), identity, path.read_bytes)


def by_identity_folder(root: Path) -> list[Picture]:
    """Pictures of a tree with one folder for each person."""
    need(root, "the folder of the dataset")
    return [file_picture(path, root, path.parent.name) for path in image_files(root)]


def report(
    pictures: Sequence[Picture], problems: Sequence[str], *, expected: int | None = None
) -> Report:
    """A report over pictures; an empty copy and a short one are problems too."""
    found = list(problems)
    if not pictures:
        found.append("there is no picture")
    elif expected is not None and len(pictures) != expected:
        found.append(f"{len(pictures):,} pictures where the whole dataset has {expected:,}")
    found += [f"{p.key}: empty file" for p in pictures if _empty(p)]
    people = {p.identity for p in pictures if p.identity}
    return Report(len(pictures), len(people), tuple(found))


def guarded(check: Callable[[Path], Report]) -> Callable[[Path], Report]:
    """A check whose DatasetError has become the one problem of a report."""

    def run(root: Path) -> Report:
        try:
            return check(root)
        except DatasetError as error:
            return Report(0, 0, (str(error),))

    return run


def _empty(picture: Picture) -> bool:
    owner = getattr(picture.read, "__self__", None)
    return isinstance(owner, Path) and owner.stat().st_size == 0
