"""A run folder from Python: what `detect` and `identify` of the command line write."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from pipeline.engine.run import RunOptions, default_workers
from pipeline.environment.progress import Listener, reported_to
from pipeline.evidence.log import RunRecord
from pipeline.inputs.clock import Clock
from pipeline.inputs.sources import Listing
from pipeline.jobs.choose import DetectJob, detect_job
from pipeline.jobs.detect_to_folder import DetectRun, find_faces, load_identifier
from pipeline.names import AUTO

_VALUES: Final = (
    *("detector", "upscaler", "upscale_below", "faces", "min_face", "max_face", "min_score"),
    *("passes", "pad", "yunet_model", "precision", "batch_size", "min_frames"),
)
"""Fields of a job that are options with a value."""
_FLAGS: Final = ("mark", "tracks", "consistent")
_RATE: Final = 0.01
"""Share of strangers who may get a name, unless another is asked for."""


def detect_to_folder(
    inputs: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    gallery: str | os.PathLike[str] | None = None,
    rate: float = _RATE,
    every: int = 25,
    start_time: str | None = None,
    note: str = "",
    progress: Listener | None = None,
    cached: bool = True,
    detector: str = AUTO,
    upscaler: str = "gflmser",
    **settings: Any,  # noqa: ANN401 - options of `detect`
) -> DetectRun:
    """Search images, folders or videos and write tables, images, page and evidence into `out`.

    With a `gallery`, a folder per person, faces are named; `rate` is the share of strangers who may
    get a name. Of a video every `every`-th frame is taken; `start_time` says when it starts, as
    `2026-11-27T14:03:05` or `14:03:05`, by default its file does. `progress` is called with the
    images done and their number, None where it is not known; it may raise KeyboardInterrupt to end
    the run with what is finished. `settings` are other options of `detect` with underscores, such
    as `min_face` or `tracks`.

    Unless `cached` is false, the faces of the gallery are kept in the user's cache folder.

    Raises `UsageError` when there is no image, `ModelError` when a model is missing, `OutputError`
    when `out` cannot be written.
    """
    clock = None if start_time is None else Clock.parse(start_time)
    identifier = None
    if gallery is not None:
        identifier = load_identifier(Path(gallery), upscaler, fpir=rate, quiet=True, cached=cached)
    job = detect_job(
        Path(out), detector=detector, upscaler=upscaler, identifier=identifier, **settings
    )
    words = tuple(os.fspath(path) for path in inputs)
    with reported_to(progress):
        return find_faces(
            job,
            Listing(words, every=every, excluded=Path(out), clock=clock),
            RunOptions(default_workers(), quiet=True),
            record=_record(
                words, job, gallery=gallery, rate=rate, every=every, start=start_time, note=note
            ),
        )


def _record(
    inputs: tuple[str, ...],
    job: DetectJob,
    *,
    gallery: str | os.PathLike[str] | None,
    rate: float,
    every: int,
    start: str | None,
    note: str,
) -> RunRecord:
    """The command that does the same, so that the folder can be replayed."""
    values = {name: getattr(job, name, None) for name in _VALUES}
    options = [f"--every={every}"]
    options += [f"--{k.replace('_', '-')}={v}" for k, v in values.items() if v is not None]
    options += [f"--start-time={start}"] if start is not None else []
    options += [f"--{name}" for name in _FLAGS if getattr(job, name)]
    options += [] if job.images else ["--no-images"]
    if gallery is None:
        return RunRecord("detect", inputs, tuple(options), note)
    options += [f"--gallery={os.fspath(gallery)}", f"--fpir={rate:g}"]
    return RunRecord("identify", inputs, tuple(options), note)
