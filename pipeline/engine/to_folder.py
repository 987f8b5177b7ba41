"""A run into a folder: no input and no earlier result is overwritten, what is written is known."""

import os
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Protocol

from data.atomic import recorded
from data.errors import UsageError
from data.images.video import is_video
from data.safe_text import printable
from pipeline.engine.journal import JOURNAL_NAME, Journal, Start
from pipeline.evidence.hashes import file_sha256, tree_sha256
from pipeline.evidence.models import models_of
from pipeline.inputs.sources import MISSING, Listing, Source

_TABLES: Final = (
    *(
        "detections.csv",
        "detections.parquet",
        "tracks.csv",
        "tracks.png",
        "pictures.csv",
        "rows.parquet",
        "summary.json",
    ),
    *("table.csv", "table.json", "table.md", "table.tex", "contact_sheet.png", "report.html"),
    "evidence.json",
    *(JOURNAL_NAME, f"{JOURNAL_NAME}-wal", f"{JOURNAL_NAME}-shm"),
)
"""Names that commands write into the folder itself."""
File = tuple[int, int]
"""Device and number of a file: what it is, whatever it is called."""


class WritingJob(Protocol):
    """A job that says beforehand which files it may write."""

    @property
    def out(self) -> Path:
        """The folder of the results."""
        ...

    def settings(self) -> dict[str, object]:
        """What the rows depend on."""
        ...

    def outputs(self, source: Source) -> Sequence[str]:
        """Paths below `out` that `finish` may write for a source.

        One that ends in `*` stands for all files of the folder whose names begin so.
        """
        ...


@contextmanager
def run_folder(job: WritingJob, listing: Listing, start: Start) -> Iterator[Journal]:
    """Yield the journal of a run of `job` over `listing` into its folder.

    What the block writes stands in the journal afterwards. Raises UsageError, before anything is
    written, when an output is the same file as an input or would replace a file that no run of
    ours has written. See `Journal` for what else is refused.
    """
    check_outputs(job, listing, start)
    _check_work(listing)
    settings = {**job.settings(), **what_it_rests_on(job, listing)}
    with Journal(job.out, settings, start=start) as journal, recorded() as files:
        try:
            yield journal
        finally:
            journal.add_files(files)


def what_it_rests_on(job: WritingJob, listing: Listing) -> dict[str, object]:
    """The inputs of a run, JSON-ready: INPUT, and SHA-256 of manifests, models, truth and pairs."""
    settings = job.settings()
    found = models_of(settings)
    upscalers = settings.get("upscalers")
    for name in upscalers if isinstance(upscalers, list) else ():
        found += models_of({"upscaler": name})
    if settings.get("pairs"):
        found += models_of({"identify": True})
    models = {f"{model.role} {model.path.name}": file_sha256(model.path) for model in found}
    for role, name in (("ground truth", "ground_truth"), ("pairs", "pairs")):
        if (given := settings.get(name)) and (path := Path(str(given))).exists():
            models[role] = tree_sha256(path) if path.is_dir() else file_sha256(path)
    return {**listing.describe(), "models": models}


def _check_work(listing: Listing) -> None:
    """Raise UsageError when there is nothing to do; one image that exists is enough."""
    source = None
    for source in listing.unopened():
        if source.problem != MISSING:
            return
    wanted = printable(" ".join(listing.inputs))
    why = MISSING if source is not None else f"no image found; {listing.wanted()}"
    raise UsageError(f"{wanted}: {why}")


def check_outputs(job: WritingJob, listing: Listing, start: Start) -> None:
    """Raise UsageError when a file that the job may write is an input, or is somebody else's."""
    if not job.out.is_dir():
        return
    existing = _existing(job, listing)
    for path in _inputs(listing):
        if (file := _file(path)) is not None and file in existing:
            raise UsageError(
                f"{_shown(existing[file])} would overwrite the input {_shown(path)}: "
                "choose another --out"
            )
    ours = start.resume or start.overwrite or (job.out / JOURNAL_NAME).exists()
    tables = {job.out / name for name in _TABLES}
    foreign = [path for path in existing.values() if path not in tables]
    if foreign and not ours:
        raise UsageError(
            f"{_shown(foreign[0])} exists and is of no run of ours: choose another --out, "
            "or add --overwrite"
        )


def _existing(job: WritingJob, listing: Listing) -> dict[File, Path]:
    """The files that are there already where the job may write."""
    found: dict[File, Path] = {}
    for path in _written(job, listing):
        if (file := _file(path)) is not None:
            found.setdefault(file, path)
    return found


def _written(job: WritingJob, listing: Listing) -> Iterator[Path]:
    for name in _TABLES:
        yield job.out / name
    yield from (job.out / "tracks").glob("[0-9]*-*.png")  # the best face of each person
    folders = _Folders()
    for source in listing.unopened():
        for output in job.outputs(source):
            if is_video(source.path):
                yield from _below((job.out / output).with_suffix(""), source)
            elif output.endswith("*"):
                yield from folders.beginning_with(job.out / output[:-1])
            else:
                yield job.out / output


class _Folders:
    """Names in folders, each listed once, to find those that begin alike."""

    def __init__(self) -> None:
        self._names: dict[Path, list[str]] = {}

    def beginning_with(self, path: Path) -> Iterator[Path]:
        """The files beside `path` whose names begin with its name."""
        if path.parent not in self._names:
            with suppress(OSError):
                self._names[path.parent] = sorted(found.name for found in path.parent.iterdir())
        names = self._names.setdefault(path.parent, [])
        for name in names[bisect_left(names, path.name) :]:
            if not name.startswith(path.name):
                return
            yield path.with_name(name)


def _below(frames: Path, source: Source) -> Iterator[Path]:
    """All files in the folder of a video's frames, whose numbers are not known yet."""
    folder = frames.with_name(source.path.name)
    yield from (Path(where, name) for where, _, names in os.walk(folder) for name in names)


def _inputs(listing: Listing) -> Iterator[Path]:
    yield from listing.manifests()
    yield from (source.path for source in listing.unopened())


def _file(path: Path) -> File | None:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def _shown(path: Path) -> str:
    return printable(str(path))
