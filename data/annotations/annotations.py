"""Ground truth: which faces are in which image, whatever format the annotation has."""

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
from data.safe_text import one_line

INSIDE: Final = 0.5
"""Share of a box that must lie in its image; annotators draw cut faces a little past the edge."""


class OutsideError(TruthError):
    """Most of an annotated box lies outside its image: that image cannot be judged."""


@dataclass(frozen=True)
class Truth(Mapping[str, tuple[Box, ...]]):
    """Image key -> its faces, in the order of the file; `()` for an image without a face.

    A key is a posix path relative to the folder of images, as the annotation writes it.
    """

    faces: Mapping[str, tuple[Box, ...]]
    ignored: Mapping[str, tuple[Box, ...]] = field(default_factory=dict)
    """Boxes neither to be found nor a mistake when found: crowd, invalid, another class."""
    sizes: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Width and height of the image, where the annotation says."""
    empty: int = 0
    """Boxes without area that were left out (WIDER FACE has some)."""
    damaged: Mapping[str, str] = field(default_factory=dict)
    """Image key -> why it cannot be judged: most of one of its boxes lies outside it.

    Such an image is not in `faces`: without the box a face would be missed that nobody counts.
    """

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
        paired = self._pair(keys)
        return {key: own for key, own in paired.items() if own not in self.damaged}

    def faults(self, keys: Iterable[str]) -> dict[str, str]:
        """The callers' paths that have a damaged own key, and why it is damaged."""
        if not self.damaged:
            return {}
        paired = self._pair(keys)
        return {key: self.damaged[own] for key, own in paired.items() if own in self.damaged}

    def _pair(self, keys: Iterable[str]) -> dict[str, str]:
        theirs, ours = dict.fromkeys(keys), dict.fromkeys([*self.faces, *self.damaged])
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
    clipped to their image where its size is known; an image with a box more than half outside
    is `damaged`. Raises `TruthError` in one line (file, line or element, cause): for a file that
    cannot be read, a missing column or element, swapped corners, or an absent class. It is raised
    too where every image is damaged.
    """
    if not path.exists():
        raise TruthError(f"{path}: no such file or folder")
    records = list(reader(format or found_format(path)).read(path))
    if not records:
        fail(str(path), "no annotated image in it")
    if classes is not None:
        _check_classes(path, classes, records)
    return _truth(records, classes)


def inside(box: Box, size: tuple[float, float], where: str) -> Box:
    """`box` clipped to an image of this size; `OutsideError` when most of it lies outside."""
    clipped = box.clipped(*size)
    if clipped is None or clipped.area < INSIDE * box.area:
        sides = f"{box.left:g}, {box.top:g}, {box.right:g}, {box.bottom:g}"
        why = f"the box {sides} lies outside the image of {size[0]:g} x {size[1]:g}"
        raise OutsideError(f"{one_line(where)}: {why}")
    return clipped


def _truth(records: Iterable[Record], classes: frozenset[str] | None) -> Truth:
    faces: dict[str, list[Box]] = defaultdict(list)
    ignored: dict[str, list[Box]] = defaultdict(list)
    sizes: dict[str, tuple[float, float]] = {}
    damaged: dict[str, str] = {}
    empty = 0
    for record in records:
        key = _normal(record.image)
        if not key:
            fail(record.where, "no name of an image")
        found = faces[key]
        if record.size is not None:
            sizes[key] = _checked_size(record.size, record.where)
        if record.sides is None:
            continue
        judged = not record.ignored and (classes is None or record.label in classes)
        try:
            box = _box(record)
        except OutsideError as error:
            if judged:
                damaged.setdefault(key, str(error))
            continue
        if box is None:
            empty += 1
        else:
            (found if judged else ignored[key]).append(box)
    if damaged.keys() >= faces.keys():
        raise TruthError(next(iter(damaged.values())))
    return Truth(
        faces={key: tuple(boxes) for key, boxes in faces.items() if key not in damaged},
        ignored={key: tuple(boxes) for key, boxes in ignored.items()},
        sizes=sizes,
        empty=empty,
        damaged=damaged,
    )


def _box(record: Record) -> Box | None:
    """The box of a record, clipped to the image; None when it has no area."""
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
        sides = f"{left:g}, {top:g}, {right:g}, {bottom:g}"
        raise OutsideError(f"{one_line(record.where)}: the box {sides} lies outside")
    return box


def _checked_size(size: tuple[float, float], where: str) -> tuple[float, float]:
    if min(size) <= 0:
        fail(where, f"an image of {size[0]:g} x {size[1]:g} pixels")
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
