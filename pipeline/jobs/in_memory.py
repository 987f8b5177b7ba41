"""Runs the jobs of the command line on images in memory, or into a folder, without a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from data.errors import UsageError
from data.images.rgb import RGB
from pipeline.engine.job import Item, looked_at
from pipeline.engine.journal import Row
from pipeline.engine.run import TASK_IMAGES, RunOptions
from pipeline.identity.gallery import Gallery
from pipeline.inputs.sources import Listing, Source
from pipeline.jobs.choose import detect_job
from pipeline.jobs.degrade import Degradation
from pipeline.jobs.detect_to_folder import identifier_for


def rows_of(
    images: Sequence[RGB],
    *,
    detector: str,
    upscaler: str,
    gallery: Gallery | None,
    settings: Mapping[str, Any],
) -> list[list[Row]]:
    """The rows of `detect` for each image, `(H, W, 3)`; nothing is written.

    Raises UsageError for a setting that `detect` does not have.
    """
    identifier = identifier_for(gallery, upscaler) if gallery else None
    try:
        job = detect_job(
            Path(),
            upscaler=upscaler,
            detector=detector,
            identifier=identifier,
            images=False,
            **settings,
        )
    except TypeError as error:
        raise UsageError(f"detect: {error}") from error
    job.check()
    items = [_item(number, rgb) for number, rgb in enumerate(images)]
    enlarged = zip(items, job.enlarge(items), strict=True)
    larger = [replace(item, images=versions) for item, versions in enlarged]
    together = (
        looked_at(job, larger[start : start + TASK_IMAGES])
        for start in range(0, len(larger), TASK_IMAGES)
    )
    return [job.finish(item) for items in together for item in items]


def _item(number: int, rgb: RGB) -> Item:
    source = Source(f"image {number}", Path(), f"{number}.png")
    return Item(source, number, (rgb.shape[1], rgb.shape[0]), {"input": rgb})


def compare_rows(
    inputs: tuple[str, ...], upscalers: Sequence[str], out: Path, *, crop: float, seed: int
) -> list[dict[str, Any]]:
    """The summary rows of `compare` over `inputs`, whose folder is `out`, with its report."""
    from pipeline.jobs.compare import Compare
    from pipeline.jobs.compare_to_folder import compare, find_methods
    from pipeline.report.write import write_report

    methods = find_methods(",".join(upscalers), "auto", "fp32", 64)
    job = Compare(out, methods, Degradation(crop, seed=seed))
    listing = Listing(inputs, excluded=out)
    done = compare(job, listing, RunOptions(1, quiet=True), pairs=None, seed=seed)
    write_report(out)
    return list(done.summary["rows"])
