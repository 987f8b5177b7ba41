"""Faces in the journal become tracks: linked by video, or grouped as a manifest's `track` says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Final, cast

from data.boxes import Box
from pipeline.engine.journal import Row
from pipeline.identity.identifier import Identifier, Probe
from pipeline.jobs.identify_faces import answer_cells, from_text
from pipeline.tracks.base import Cut, Sighting, Track
from pipeline.tracks.fuse import fused
from pipeline.tracks.link import Linker

__all__ = ["CUT", "TrackRow", "cut_entry", "track_row", "tracks_of"]

GIVEN: Final = "given_track"
"""Key of a journal's row: the track that the manifest says."""
CUT: Final = "cut"
"""Key of a journal's row: file, box and landmarks of the face's native pixels, by `cut_entry`."""


@dataclass(frozen=True, slots=True)
class TrackRow:
    """One row of tracks.csv: a person over the frames of a video or folder.

    `image`, `face` and the box are those of the best frame, the one with the largest face.
    """

    track: int
    sequence: str
    image: str
    face: int
    first: str
    last: str
    frames: int
    seconds: float | None
    """Time of the best frame in its video."""
    first_seconds: float | None
    last_seconds: float | None
    time: str | None
    """Time of day of the best frame, where it is known."""
    left: float
    top: float
    right: float
    bottom: float
    score: float
    face_px: float
    """Mean width of the face, weighted by area, in pixels of the frame."""
    degradation: str
    """Of most frames."""
    upscaler: str
    fused: int | None = None
    """Frames that went into the fused restoration; None where there is none."""
    identity: str | None = None
    distance: float | None = None
    threshold: float | None = None
    accepted: bool | None = None
    name: str | None = None
    similarity: float | None = None
    margin: float | None = None
    reason: str | None = None
    fpir: float | None = None


def tracks_of(rows: Iterable[Row]) -> Iterator[Track]:
    """Link the faces of a journal's rows, which come frame by frame, one video after the other.

    Memory holds the tracks of one video that are still open, and those that a manifest names.
    """
    given: dict[str, list[Sighting]] = {}
    linker: Linker | None = None
    frame = 0
    for image, found in _frames(rows):
        sequence = str(PurePosixPath(image).parent)
        named = [(str(row[GIVEN]), row) for row in found if row.get(GIVEN)]
        for name, row in named:
            given.setdefault(name, []).append(_sighting(row, len(given.get(name, ()))))
        if named:
            continue
        if linker is None or linker.sequence != sequence:
            yield from linker.close() if linker else ()
            linker, frame = Linker(sequence), 0
        yield from linker.update(frame, [_sighting(row, frame) for row in found])
        frame += 1
    yield from linker.close() if linker else ()
    for number, (name, sightings) in enumerate(given.items()):
        yield Track(name, number, tuple(sightings))


def track_row(
    track: Track, number: int, identifier: Identifier | None = None, *, least: int = 1
) -> TrackRow:
    """Describe a track and name it, if it has `least` frames or more."""
    best = track.best
    row = TrackRow(
        track=number,
        sequence=track.sequence,
        image=best.key,
        face=best.face,
        first=track.sightings[0].key,
        last=track.sightings[-1].key,
        frames=len(track.sightings),
        seconds=best.seconds,
        first_seconds=track.sightings[0].seconds,
        last_seconds=track.sightings[-1].seconds,
        time=best.time,
        left=best.box.left,
        top=best.box.top,
        right=best.box.right,
        bottom=best.box.bottom,
        score=best.score,
        face_px=round(track.mean_width, 2),
        degradation=Counter(one.degradation for one in track.sightings).most_common(1)[0][0],
        upscaler=Counter(one.upscaler for one in track.sightings).most_common(1)[0][0],
    )
    embedding = fused(track)
    if identifier is None or embedding is None:
        return row
    probe = Probe(embedding, row.face_px, row.degradation, row.frames)
    answer = identifier(probe, row.upscaler)
    if row.frames < least:
        few = f"{row.frames} of {least} frames"
        verdict = None if answer.accepted is None else False
        answer = replace(answer, accepted=verdict, reason="too few frames", note=few)
    return replace(row, **answer_cells(answer, fpir=identifier.fpir))


def _frames(rows: Iterable[Row]) -> Iterator[tuple[str, list[Row]]]:
    """Each image with its rows that hold a face."""
    image: str | None = None
    found: list[Row] = []
    for row in rows:
        if row["image"] != image:
            if image is not None:
                yield image, found
            image, found = str(row["image"]), []
        if row["face"] is not None:
            found.append(row)
    if image is not None:
        yield image, found


def _sighting(row: Mapping[str, object], frame: int) -> Sighting:
    left, top, right, bottom = (cast(float, row[e]) for e in ("left", "top", "right", "bottom"))
    text = row.get("embedding")
    return Sighting(
        key=str(row["image"]),
        face=cast(int, row["face"]),
        frame=frame,
        box=Box(left, top, right, bottom),
        score=cast(float, row["score"]),
        embedding=from_text(str(text)) if text else None,
        degradation=str(row["degradation"] or ""),
        upscaler=str(row["upscaler"] or ""),
        seconds=cast("float | None", row.get("seconds")),
        time=cast("str | None", row.get("time")),
        cut=_cut(row.get(CUT)),
    )


def cut_entry(cut: Cut) -> dict[str, object]:
    """A cut as the journal keeps it, JSON-ready."""
    box = cut.face
    edges = [box.left, box.top, box.right, box.bottom]
    marks = [list(point) for point in cut.landmarks] if cut.landmarks else None
    return {"file": cut.file, "face": edges, "landmarks": marks}


def _cut(entry: object) -> Cut | None:
    if not isinstance(entry, Mapping):
        return None
    marks = entry["landmarks"]
    points = tuple((float(x), float(y)) for x, y in marks) if marks else None
    return Cut(str(entry["file"]), Box(*entry["face"]), points)
