"""tracks.csv and images of tracks, and the track's number and name in rows of detections.csv."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

from data.atomic import whole_file
from pipeline.engine.journal import Journal, Row
from pipeline.engine.tables import column_types, write_csv
from pipeline.identity.identifier import Identifier
from pipeline.jobs.fused_tracks import TrackImages
from pipeline.jobs.track_rows import TrackRow, track_row, tracks_of
from pipeline.tracks.base import Cut

__all__ = ["with_tracks", "write_tracks"]

_KINDS: Final = ("native", "restored", "spread")
"""Files of a face that a track has too."""
_FUSED: Final = "fused"
_FOLDER: Final = "tracks"
_NUMBER: Final = "[0-9]" * 6
_FROM_TRACK = (
    *("track", "identity", "distance", "threshold", "accepted"),
    *("name", "similarity", "margin", "reason", "frames", "fpir"),
)


def write_tracks(
    journal: Journal,
    out: Path,
    identifier: Identifier | None,
    *,
    least: int,
    images: TrackImages | None = None,
) -> dict[tuple[str, int], TrackRow]:
    """Write tracks.csv of what the journal holds; return the track of each image and face.

    The best face of each track is copied into `tracks/` under the track's number. With `images` its
    frames, fused and restored, are written beside it, and the contact sheet of all tracks.
    The journal alone decides: an interrupted run that is resumed gives the same tracks.
    """
    of_face: dict[tuple[str, int], TrackRow] = {}
    copied: set[Path] = set()

    def rows() -> Iterator[Row]:
        for number, track in enumerate(tracks_of(journal.rows())):
            row = track_row(track, number, identifier, least=least)
            if images is not None:
                row = replace(row, fused=images.write(track, number))
            copied.update(_copy_best(out, row, track.best.cut))
            of_face.update({(one.key, one.face): row for one in track.sightings})
            yield asdict(row)

    write_csv(rows(), column_types(TrackRow), out / "tracks.csv")
    for earlier in best_files(out):
        if earlier not in copied:
            earlier.unlink()
    if images is not None and of_face:
        images.write_sheet({row.track: row for row in of_face.values()}.values())
    return of_face


def best_files(out: Path) -> Iterator[Path]:
    """The files of best faces in a run's folder."""
    for kind in (*_KINDS, _FUSED):
        yield from (out / _FOLDER).glob(f"{_NUMBER}-{kind}.png")


def _copy_best(out: Path, row: TrackRow, cut: Cut | None) -> Iterator[Path]:
    """The best frame's face as files of the person; not where no images were written."""
    stem = cut.file.removesuffix("-native.png") if cut else ""
    for kind in _KINDS:
        made = out / f"{stem}-{kind}.png"
        if stem and made.is_file():
            file = out / _FOLDER / f"{row.track:06d}-{kind}.png"
            with whole_file(file) as copy:
                shutil.copyfile(made, copy)
            yield file
    if row.fused:
        yield out / _FOLDER / f"{row.track:06d}-{_FUSED}.png"


def with_tracks(rows: Iterable[Row], of_face: dict[tuple[str, int], TrackRow]) -> Iterator[Row]:
    """Yield the rows with the number and the answer of their track."""
    for row in rows:
        face = row["face"]
        track = of_face.get((str(row["image"]), face)) if isinstance(face, int) else None
        if track is None:
            yield row
        else:
            yield {**row, **{column: getattr(track, column) for column in _FROM_TRACK}}
