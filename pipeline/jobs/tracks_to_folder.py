"""tracks.csv of a run, and the number and name of the track in every row of detections.csv."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from pipeline.engine.journal import Journal, Row
from pipeline.engine.tables import column_types, write_csv
from pipeline.identity.identifier import Identifier
from pipeline.jobs.track_rows import TrackRow, track_row, tracks_of

__all__ = ["with_tracks", "write_tracks"]

_FROM_TRACK = (
    *("track", "identity", "distance", "threshold", "accepted"),
    *("name", "similarity", "margin", "reason"),
)


def write_tracks(
    journal: Journal, out: Path, identifier: Identifier | None, *, least: int
) -> dict[tuple[str, int], TrackRow]:
    """Write tracks.csv of what the journal holds; return the track of each image and face.

    The journal alone decides: an interrupted run that is resumed gives the same tracks.
    """
    of_face: dict[tuple[str, int], TrackRow] = {}

    def rows() -> Iterator[Row]:
        for number, track in enumerate(tracks_of(journal.rows())):
            row = track_row(track, number, identifier, least=least)
            of_face.update({(one.key, one.face): row for one in track.sightings})
            yield asdict(row)

    write_csv(rows(), column_types(TrackRow), out / "tracks.csv")
    return of_face


def with_tracks(rows: Iterable[Row], of_face: dict[tuple[str, int], TrackRow]) -> Iterator[Row]:
    """Yield the rows with the number and the answer of their track."""
    for row in rows:
        face = row["face"]
        track = of_face.get((str(row["image"]), face)) if isinstance(face, int) else None
        if track is None:
            yield row
        else:
            yield {**row, **{column: getattr(track, column) for column in _FROM_TRACK}}
