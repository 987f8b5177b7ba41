"""`detect` from listing to files: detections.csv and .parquet, summary.json, images."""

from __future__ import annotations

import importlib
import itertools
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from data.atomic import write_json
from pipeline.engine.journal import Journal, Row, Start
from pipeline.engine.run import RunOptions, RunResult, run
from pipeline.engine.tables import column_types, parquet_of_csv, write_csv
from pipeline.engine.to_folder import run_folder, what_it_rests_on
from pipeline.environment.messages import tell
from pipeline.environment.progress import progress_bar
from pipeline.environment.provenance import NOTICE, provenance
from pipeline.environment.words import counted
from pipeline.evidence.log import RunRecord
from pipeline.identity.embedders.likeness import likeness_of
from pipeline.identity.embedders.loading import DLIB
from pipeline.identity.gallery import Gallery
from pipeline.identity.gallery_cache import GalleryCache
from pipeline.identity.identifier import Identifier
from pipeline.identity.thresholds import SHIPPED, load_table
from pipeline.inputs.sources import Listing
from pipeline.jobs.choose import DetectJob
from pipeline.jobs.close import close_run
from pipeline.jobs.face_rows import UNTOUCHED, FaceRow
from pipeline.jobs.search_faces import SearchFaces
from pipeline.report.run_page.hint import what_to_try

if TYPE_CHECKING:
    from pipeline.jobs.fused_tracks import TrackImages

log = logging.getLogger(__name__)
_TABLE_ROWS: Final = 20
_TABLE_COLUMNS: Final = (
    *("image", "left", "top", "right", "bottom", "score", "dori", "upscaler", "passes"),
    *("name", "identity", "similarity", "reason", "track"),
)


@dataclass(frozen=True, slots=True)
class FaceCounts:
    """Images by status, faces, images by passes of the chain, and candidates dropped."""

    images: int
    faces: int
    none: int
    one: int
    many: int
    error: int
    accepted: int
    passes: dict[str, int]
    dropped: int = 0
    upscaled: int = 0
    """Faces, or images without one, that were upscaled."""


@dataclass(frozen=True, slots=True)
class DetectRun:
    """What `detect` did, and the errors of the images that failed (the first hundred)."""

    out: Path
    result: RunResult
    counts: FaceCounts
    errors: list[tuple[str, str]]
    first_faces: list[dict[str, object]]
    hint: str = ""
    """What to try when faces are missing and nothing was upscaled."""

    def as_text(self) -> str:
        """What a person wants to read: the first faces, the counts, the errors, the files."""
        from tabulate import tabulate

        counts = self.counts
        lines = (
            [tabulate(self.first_faces, headers="keys", floatfmt=".2f")] if self.first_faces else []
        )
        if counts.faces > len(self.first_faces):
            lines.append(f"... and {counts.faces - len(self.first_faces)} more faces")
        lines += [
            "",
            f"{counted(counts.images, 'image')}: {counted(counts.faces, 'face')}; "
            f"none in {counts.none}, one in {counts.one}, several in {counts.many}, "
            f"errors in {counts.error} ({self.result.images_per_s:.1f} images/s)",
        ]
        if counts.passes:
            passes = (f"{n} for {counted(c, 'image')}" for n, c in counts.passes.items())
            lines.append(f"passes: {', '.join(passes)}")
        if counts.dropped:
            lines.append(f"candidates dropped, each with its reason in the table: {counts.dropped}")
        lines += filter(None, [self.hint])
        lines += [f"error: {image}: {error}" for image, error in self.errors]
        told = (*self.result.left_out, *self.result.notes)
        lines += [f"note: {image}: {note}" for image, note in told]
        lines += [f"tables and images: {self.out}", NOTICE]
        lines += filter(None, [self.result.interruption])
        return "\n".join(lines)

    def summary(self, job: DetectJob) -> dict[str, object]:
        """Content of summary.json."""
        return {
            "counts": asdict(self.counts),
            "interrupted": self.result.interrupted,
            "expected": self.result.expected,
            "notes": dict(self.result.notes),
            "frames_left_out": dict(self.result.left_out),
            "new_images": self.result.new_images,
            "seconds": round(self.result.seconds, 3),
            "images_per_s": round(self.result.images_per_s, 2),
            "errors": [{"image": image, "error": error} for image, error in self.errors],
            "settings": job.settings(),
            "provenance": provenance(),
        }


def load_identifier(
    gallery: Path,
    upscaler: str,
    *,
    fpir: float = 0.01,
    table: Path | None = None,
    accept_poor: bool = False,
    embedder: str = DLIB,
    quiet: bool = False,
    cached: bool = True,
) -> Identifier:
    """Read a gallery (a folder per person) with progress; images that are no use are logged.

    Unless `cached` is false, faces come from the user's cache folder where it holds them.
    """
    cache = GalleryCache.of_user(embedder) if cached else None
    with progress_bar(None, unit="gallery image", quiet=quiet) as bar:
        people = Gallery.from_folder(
            gallery,
            lambda done, _all: bar.update(done - bar.n),
            accept_poor=accept_poor,
            cache=cache,
            embedder=embedder,
        )
    for skipped in people.skipped:
        log.warning("gallery: %s: %s", skipped.path, skipped.reason)
    for note in people.notes:
        log.warning("gallery: %s", note)
    tell("reading the rules, and seeing the gallery as the probes are seen", quiet=quiet)
    return identifier_for(people, upscaler, fpir=fpir, table=table)


def identifier_for(
    gallery: Gallery, upscaler: str, *, fpir: float = 0.01, table: Path | None = None
) -> Identifier:
    """An identifier with the shipped rules, or those of `table`; raises `ModelError` for its file.

    The rules hold for the weights that this installation has.
    """
    from pipeline.identity.calibration_run import fingerprints
    from pipeline.identity.views import views_of

    prints = {name: fingerprints(name, gallery.embedder) for name in {upscaler, UNTOUCHED}}
    cohorts = likeness_of(gallery.embedder)
    views = views_of(gallery, upscaler, cohorts)
    known = replace(gallery, faces=())  # what is left goes to every worker
    return Identifier(known, load_table(table or SHIPPED), prints, fpir, cohorts, views)


def find_faces(
    job: DetectJob,
    listing: Listing,
    options: RunOptions,
    *,
    start: Start | None = None,
    record: RunRecord | None = None,
) -> DetectRun:
    """Run `detect` and write its files into `job.out`; see `engine.run` for what is raised.

    With a `record` of how the run was asked for, evidence.json and report.html are written too.
    When the run is interrupted or stopped by an error, the tables hold what was finished.
    """
    # Parquet is written last: its library loads while the workers start.
    threading.Thread(target=importlib.import_module, args=("pyarrow.parquet",), daemon=True).start()
    with run_folder(job, listing, start or Start()) as journal:
        try:
            result = run(job, listing, options, journal)
        except BaseException:
            _write_tables(journal, job)
            raise
        rows = _write_tables(journal, job)
        counts, errors = _count(rows())
        hint = what_to_try(
            job.settings(),
            images=counts.images,
            without=counts.none,
            upscaled=counts.upscaled,
        )
        done = DetectRun(job.out, result, counts, errors, _first_faces(rows()), hint)
        write_json(
            job.out / "summary.json", {**done.summary(job), "input": what_it_rests_on(job, listing)}
        )
        if record is not None:
            cut = result.interrupted
            close_run(job, record, rows(), interrupted=cut, quiet=options.quiet)
    return done


def _write_tables(journal: Journal, job: DetectJob) -> Callable[[], Iterable[Row]]:
    """Write the tables; return what gives the rows of detections.csv again."""
    rows = journal.rows
    if job.tracks and journal.counts()[0]:
        from pipeline.jobs.tracks_to_folder import with_tracks, write_tracks

        of_face = write_tracks(
            journal, job.out, job.identifier, least=job.min_frames, images=_track_images(job)
        )
        rows = lambda: with_tracks(journal.rows(), of_face)  # noqa: E731
    if journal.counts()[0]:
        write_csv(rows(), column_types(FaceRow), job.out / "detections.csv")
        table, parquet = job.out / "detections.csv", job.out / "detections.parquet"
        parquet_of_csv(table, column_types(FaceRow), parquet)
    return rows


def _track_images(job: DetectJob) -> TrackImages | None:
    """What writes the images of tracks; the paper's chain keeps no native faces to fuse."""
    from pipeline.jobs.fused_tracks import TrackImages

    if not (isinstance(job, SearchFaces) and job.images):
        return None
    return TrackImages(job.out, job.upscaler, job.restore, job.mark)


def _first_faces(rows: Iterable[Row]) -> list[dict[str, object]]:
    faces = (row for row in rows if row["face"] is not None)
    return [
        {column: row[column] for column in _TABLE_COLUMNS if row[column] not in (None, "")}
        for row in itertools.islice(faces, _TABLE_ROWS)
    ]


def _count(rows: Iterable[Row]) -> tuple[FaceCounts, list[tuple[str, str]]]:
    status: Counter[str] = Counter()
    passes: Counter[str] = Counter()
    faces = accepted = dropped = upscaled = 0
    errors: list[tuple[str, str]] = []
    for row in rows:
        faces += row["face"] is not None
        accepted += row["accepted"] is True
        upscaled += row["upscaler"] not in (None, UNTOUCHED)
        if row["dropped"]:
            dropped += 1
        elif row["face"] in (None, 0):
            status[str(row["status"])] += 1
            passes[str(row["passes"])] += row["passes"] is not None
        if row["error"] and len(errors) < 100:
            errors.append((str(row["image"]), str(row["error"])))
    known = {name: status[name] for name in ("none", "one", "many", "error")}
    searched = {number: count for number, count in sorted(passes.items()) if count}
    counts = FaceCounts(
        status.total(),
        faces,
        **known,
        accepted=accepted,
        passes=searched,
        dropped=dropped,
        upscaled=upscaled,
    )
    return counts, errors
