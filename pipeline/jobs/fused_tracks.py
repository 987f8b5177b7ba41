"""The frames of a track fused and restored, and the contact sheet of all tracks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from data.atomic import whole_file
from data.errors import ImageError
from data.images.files import load_rgb, save_png
from data.images.rgb import RGB
from pipeline.evidence.marks import save_restored
from pipeline.jobs.track_rows import TrackRow
from pipeline.report.track_sheet import TrackCell, track_sheet
from pipeline.tracks.base import Sighting, Track
from pipeline.tracks.merge import View, merge

__all__ = ["FOLDER", "MOST_FRAMES", "SHEET", "TrackImages"]

log = logging.getLogger(__name__)
FOLDER: Final = "tracks"
SHEET: Final = "tracks.png"
MOST_FRAMES: Final = 8
"""More frames of one second add little, and a longer stretch shows the face otherwise."""
_LEAST_WIDTH: Final = 0.7
"""Of the best frame's width: smaller faces would only blur it."""


@dataclass(frozen=True)
class TrackImages:
    """Writes what is made of several frames of a track below `out`/tracks.

    `restore` is the run's upscaler on one crop `(h, w, 3)`; None where the crop is large enough.
    """

    out: Path
    upscaler: str
    restore: Callable[[RGB], RGB | None]
    mark: bool = False

    def write(self, track: Track, number: int) -> int | None:
        """Write NUMBER-fused.png; return how many frames went in.

        None, and no file, where fewer than two frames agree. Raises `OutputError` when the
        folder cannot be written.
        """
        best = track.best
        if (native := self._view(best)) is None:
            return None
        stem = self._stem(number)
        views = [view for one in _nearest(track) if (view := self._view(one)) is not None]
        merged = merge([native, *views])
        if merged.frames < 2:
            return None
        restored = self.restore(merged.rgb)
        file = stem.with_name(f"{stem.name}-fused.png")
        if restored is None:
            save_png(file, merged.rgb)
        else:
            save_restored(file, restored, mark=self.mark, upscaler=self.upscaler)
        return merged.frames

    def write_sheet(self, rows: Iterable[TrackRow]) -> None:
        """Write the contact sheet of all tracks; raises `OutputError` when it cannot be."""
        cells = [
            TrackCell(
                self._stem(row.track), row.track, row.first, row.last,
                frames=row.frames, fused=row.fused, face_px=row.face_px, name=row.name or "",
            )
            for row in rows
        ]  # fmt: skip
        with whole_file(self.out / SHEET) as temporary:
            track_sheet(cells).save(temporary, format="PNG")

    def _stem(self, number: int) -> Path:
        return self.out / FOLDER / f"{number:06d}"

    def _view(self, sighting: Sighting) -> View | None:
        """The native pixels that the run wrote; None where they are gone."""
        if sighting.cut is None:
            return None
        try:
            rgb = load_rgb(self.out / sighting.cut.file)
        except ImageError as error:
            log.warning("%s: %s", sighting.cut.file, error)
            return None
        return View(rgb, sighting.cut.face, sighting.cut.landmarks)


def _nearest(track: Track) -> Sequence[Sighting]:
    """The frames next to the best one whose faces are nearly as large."""
    best = track.best
    others = [
        one
        for one in track.sightings
        if one is not best and one.box.width >= _LEAST_WIDTH * best.box.width
    ]
    return sorted(others, key=lambda one: abs(one.frame - best.frame))[: MOST_FRAMES - 1]
