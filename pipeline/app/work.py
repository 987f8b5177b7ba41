"""One run of the app: one call of the Python API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.api import detect_to_folder

if TYPE_CHECKING:
    from pipeline.app.choices import Chosen
    from pipeline.app.runs import Run


def do(run: Run, chosen: Chosen, *, has_gallery: bool) -> None:
    """Search the uploaded images and write the run folder; see `detect_to_folder` for errors."""
    detect_to_folder(
        [run.inputs],
        run.out,
        gallery=run.gallery if has_gallery else None,
        rate=chosen.rate,
        every=chosen.every,
        start_time=chosen.start,
        tracks=chosen.tracks,
        note=chosen.note,
        progress=run.progress,
        detector=chosen.detector,
        upscaler=chosen.upscaler,
        mark=chosen.mark,
        cached=False,  # nothing is written outside the run folders
    )
