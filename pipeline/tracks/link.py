"""Which face of this frame is which face of the last one: motion, overlap, size and looks.

Each open track predicts its box by constant velocity. Faces and tracks are paired at least total
cost (scipy's Hungarian method). A track that was not seen for a few frames is found again by its
embedding, for a person who was hidden or turned away has moved on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.boxes import Box, iou
from pipeline.tracks.base import Embedding, Sighting, Track
from pipeline.tracks.fuse import fuse

__all__ = ["LinkSettings", "Linker", "link"]

_NEVER: Final = 1e6


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """When two faces are one person.

    `max_gap`: frames (of those searched) that a person may be missing. `reach`: how far a face may
    move away from its prediction, in face widths per missing frame. `most_growth`: largest ratio of
    widths. `same_face`: Euclidean distance of embeddings below which looks alone bridge a gap.
    `other_face`: distance above which overlap alone does not link.
    """

    max_gap: int = 10
    reach: float = 0.7
    most_growth: float = 1.6
    same_face: float = 0.39
    other_face: float = 0.75


@dataclass(slots=True, eq=False)
class _Open:
    """A track that may still grow."""

    sightings: list[Sighting]
    velocity: tuple[float, float] = (0.0, 0.0)
    looks: Embedding | None = None

    @property
    def last(self) -> Sighting:
        return self.sightings[-1]

    def predicted(self, frame: int) -> Box:
        """Where the face is in `frame` if it goes on as it did."""
        steps = frame - self.last.frame
        return self.last.box.shifted(self.velocity[0] * steps, self.velocity[1] * steps)

    def add(self, found: Sighting) -> None:
        """Append a face; the velocity is smoothed, for boxes of small faces shake."""
        steps = max(1, found.frame - self.last.frame)
        dx, dy = (a - b for a, b in zip(_centre(found.box), _centre(self.last.box), strict=True))
        vx, vy = self.velocity
        self.velocity = (0.5 * vx + 0.5 * dx / steps, 0.5 * vy + 0.5 * dy / steps)
        self.sightings.append(found)
        self.looks = _blended(self.looks, found.embedding)


@dataclass(slots=True)
class Linker:
    """Links the faces of one video, frame by frame; holds only the tracks that are still open.

    Example:
        >>> linker = Linker("clip.mp4")
        >>> face = Sighting("clip.mp4/000000.png", 0, 0, Box(0, 0, 20, 20), 0.9)
        >>> list(linker.update(0, [face])), len(list(linker.close()))
        ([], 1)
    """

    sequence: str
    settings: LinkSettings = field(default_factory=LinkSettings)
    _open: list[_Open] = field(default_factory=list)
    _next: int = 0

    def update(self, frame: int, faces: Sequence[Sighting]) -> Iterator[Track]:
        """Take the faces of `frame` in; return the tracks that ended before it.

        Frames come in rising order, those without a face too or not.
        """
        ended = [one for one in self._open if frame - one.last.frame > self.settings.max_gap]
        self._open = [one for one in self._open if one not in ended]
        taken: set[int] = set()
        for row, column in self._pairs(frame, faces):
            self._open[row].add(faces[column])
            taken.add(column)
        new = (face for i, face in enumerate(faces) if i not in taken)
        self._open += [_Open([face], looks=face.embedding) for face in new]
        return iter([self._numbered(one) for one in ended])

    def close(self) -> Iterator[Track]:
        """Return the tracks that are still open; the linker is empty afterwards."""
        left, self._open = self._open, []
        return iter([self._numbered(one) for one in left])

    def _numbered(self, ended: _Open) -> Track:
        self._next += 1
        return Track(self.sequence, self._next - 1, tuple(ended.sightings))

    def _pairs(self, frame: int, faces: Sequence[Sighting]) -> list[tuple[int, int]]:
        if not (self._open and faces):
            return []
        from scipy.optimize import linear_sum_assignment

        cost = np.array([[self._cost(one, frame, face) for face in faces] for one in self._open])
        rows, columns = linear_sum_assignment(cost)
        pairs = zip(rows.tolist(), columns.tolist(), strict=True)
        return [(row, column) for row, column in pairs if cost[row, column] < _NEVER]

    def _cost(self, track: _Open, frame: int, face: Sighting) -> float:
        """How unlike `face` is to what `track` predicts; `_NEVER` where it cannot be the same."""
        predicted, steps = track.predicted(frame), frame - track.last.frame
        if min(predicted.width, face.box.width, predicted.height, face.box.height) <= 0:
            return _NEVER
        growth = face.box.width / predicted.width
        if max(growth, 1 / growth) > self.settings.most_growth ** min(steps, 3):
            return _NEVER
        looks = _distance(track.looks, face.embedding)
        away = _apart(predicted, face.box) / max(predicted.width, face.box.width)
        overlap = iou(predicted, face.box)
        near = overlap >= 0.2 or away <= self.settings.reach * min(steps, 4)
        if near and looks <= self.settings.other_face:
            return 1 - overlap + away + 0.5 * looks
        if steps > 1 and looks <= self.settings.same_face:
            return 3 + looks
        return _NEVER


def link(
    faces: Iterable[tuple[int, Sequence[Sighting]]],
    sequence: str = "",
    settings: LinkSettings | None = None,
) -> Iterator[Track]:
    """Yield the tracks of one video, whose faces come frame by frame; see `Linker`."""
    linker = Linker(sequence, settings or LinkSettings())
    for frame, found in faces:
        yield from linker.update(frame, found)
    yield from linker.close()


def _centre(box: Box) -> tuple[float, float]:
    return (box.left + box.right) / 2, (box.top + box.bottom) / 2


def _apart(a: Box, b: Box) -> float:
    (ax, ay), (bx, by) = _centre(a), _centre(b)
    return float(np.hypot(ax - bx, ay - by))


def _distance(a: Embedding | None, b: Embedding | None) -> float:
    """Euclidean distance; 0.5, which neither links nor parts, where one is unknown."""
    return 0.5 if a is None or b is None else float(np.linalg.norm(a - b))


def _blended(before: Embedding | None, now: NDArray[np.float32] | None) -> Embedding | None:
    if before is None or now is None:
        return now if before is None else before
    return fuse([before, now], [3, 1])
