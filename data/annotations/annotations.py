"""Ground truth: which faces are in which picture, whatever format the annotation has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from data.annotations.record import Record, fail
from data.annotations.registry import found_format, reader
from data.boxes import Box
from data.errors import TruthError

INSIDE: Final = 0.5
"""Share of a box that must lie in its picture; annotators draw cut faces a little past the edge."""


@dataclass(frozen=True)
class Truth(Mapping[str, tuple[Box, ...]]):
    """Image key -> its faces, in the order of the file; `()` for a picture without a face.

    A key is a posix path relative to the folder of pictures, as the annotation writes it.
    """

    faces: Mapping[str, tuple[Box, ...]]
    ignored: Mapping[str, tuple[Box, ...]] = field(default_factory=dict)
    """Boxes neither to be found nor a mistake when found: crowd, invalid, another class."""
    sizes: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Width and height of the picture, where the annotation says."""
    empty: int = 0
    """Boxes without area that were left out (WIDER FACE has some)."""

    def __getitem__(self, key: str) -> tuple[Box, ...]:
        return self.faces[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.faces)

    def __len__(self) -> int:
        return len(self.faces)

    def find(self, key: str) -> str | None:
        """The own key for a caller's path: equal, or the only one of that name, or of that stem."""
        return self.pair([key]).get(key)

    def pair(self, keys: Iterable[str]) -> dict[str, str]:
        """The callers' paths that have an own key, one-to-one.

        Equal paths come first, then equal names, then names equal up to the suffix (restored
        images are PNG). Names count only where one path is left on both sides: a doubtful pair is
        no pair.
        """
        theirs, ours = dict.fromkeys(keys), dict.fromkeys(self.faces)
        paired: dict[str, str] = {}
        for name in (_normal, _name, _stem):
            left, right = _by(name, theirs), _by(name, ours)
            for shared in left.keys() & right.keys():
                if len(left[shared]) == len(right[shared]) == 1:
                    key, own = left[shared][0], right[shared][0]
                    paired[key] = own
                    del theirs[key], ours[own]
        return paired


def read_truth(
    path: Path, *, format: str | None = None, classes: frozenset[str] | None = None
) -> Truth:
    """Read annotations; the format is found from the content unless `format` says it.

    With `classes` only boxes of those classes are faces, the others are `ignored`. Boxes are
    clipped to their picture where its size is known. Raises `TruthError` in one line
    (file, line or element, cause) for a file that cannot be read, a missing column or element, and
    swapped corners. A box more than half outside its picture and a class that the file does not
    have are errors too.
    """
    if not path.exists():
        raise TruthError(f"{path}: no such file or folder")
    records = list(reader(format or found_format(path)).read(path))
    if not records:
        fail(str(path), "no annotated picture in it")
    if classes is not None:
        _check_classes(path, classes, records)
    return _truth(records, classes)


def inside(box: Box, size: tuple[float, float], where: str) -> Box:
    """`box` clipped to a picture of this size; `TruthError` when most of it lies outside."""
    clipped = box.clipped(*size)
    if clipped is None or clipped.area < INSIDE * box.area:
        sides = f"{box.left:g}, {box.top:g}, {box.right:g}, {box.bottom:g}"
        fail(where, f"the box {sides} lies outside the picture of {size[0]:g} x {size[1]:g}")
    return clipped


def _truth(records: Iterable[Record], classes: frozenset[str] | None) -> Truth:
    faces: dict[str, list[Box]] = defaultdict(list)
    ignored: dict[str, list[Box]] = defaultdict(list)
    sizes: dict[str, tuple[float, float]] = {}
    empty = 0
    for record in records:
        key = _normal(record.image)
        if not key:
            fail(record.where, "no name of a picture")
        found = faces[key]
        if record.size is not None:
            sizes[key] = _checked_size(record.size, record.where)
        if record.sides is None:
            continue
        box = _box(record)
        if box is None:
            empty += 1
        elif record.ignored or (classes is not None and record.label not in classes):
            ignored[key].append(box)
        else:
            found.append(box)
    return Truth(
        faces={key: tuple(boxes) for key, boxes in faces.items()},
        ignored={key: tuple(boxes) for key, boxes in ignored.items()},
        sizes=sizes,
        empty=empty,
    )


def _box(record: Record) -> Box | None:
    """The box of a record, clipped to the picture; None when it has no area."""
    assert record.sides is not None
    left, top, right, bottom = record.sides
    if right < left or bottom < top:
        fail(record.where, f"swapped corners: {left:g}, {top:g}, {right:g}, {bottom:g}")
    if right == left or bottom == top:
        return None
    box = Box(left, top, right, bottom)
    if record.size is not None:
        return inside(box, record.size, record.where)
    if right <= 0 or bottom <= 0:
        fail(record.where, f"the box {left:g}, {top:g}, {right:g}, {bottom:g} lies outside")
    return box


def _checked_size(size: tuple[float, float], where: str) -> tuple[float, float]:
    if min(size) <= 0:
        fail(where, f"a picture of {size[0]:g} x {size[1]:g} pixels")
    return size


def _check_classes(path: Path, classes: frozenset[str], records: Iterable[Record]) -> None:
    known = {record.label for record in records if record.label is not None}
    for name in sorted(classes - known):
        fail(str(path), f"no class {name!r}; it has {', '.join(sorted(known)) or 'no classes'}")


def _normal(key: str) -> str:
    """Forward slashes, no leading `./`; dlib's tool writes backslashes on Windows."""
    key = key.replace("\\", "/").strip()
    return PurePosixPath(key).as_posix() if key else ""


def _name(key: str) -> str:
    return PurePosixPath(_normal(key)).name


def _stem(key: str) -> str:
    return PurePosixPath(_normal(key)).stem


def _by(name: Callable[[str], str], keys: Iterable[str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        groups[name(key)].append(key)
    return groups
