"""`degrade` and `upscale` from listing to files: the images, pictures.csv and summary.json."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from data.atomic import write_json
from pipeline.engine.journal import Journal, Start
from pipeline.engine.run import RunOptions, RunResult, run
from pipeline.engine.tables import write_csv
from pipeline.engine.to_folder import run_folder, what_it_rests_on
from pipeline.environment.provenance import provenance
from pipeline.environment.words import counted
from pipeline.evidence.log import RunRecord
from pipeline.inputs.sources import Listing
from pipeline.jobs.close import close_run
from pipeline.jobs.degrade import IMAGE_COLUMNS, DegradeImages
from pipeline.jobs.upscale import UpscaleImages


@dataclass(frozen=True, slots=True)
class ImageRun:
    """What the run did; `summary` is the content of summary.json."""

    out: Path
    result: RunResult
    errors: list[str]
    summary: dict[str, object]

    def as_text(self) -> str:
        """What a person wants to read."""
        result = self.result
        return "\n".join(
            [
                *(f"error: {line}" for line in self.errors),
                *(f"note: {image}: {note}" for image, note in (*result.left_out, *result.notes)),
                f"{counted(result.images - result.failed, 'image')} written to {self.out}, "
                f"{result.failed} failed ({result.images_per_s:.1f} images/s)",
                *filter(None, [result.interruption]),
            ]
        )


def make_images(
    job: DegradeImages | UpscaleImages,
    listing: Listing,
    options: RunOptions,
    *,
    start: Start | None = None,
    record: RunRecord | None = None,
) -> ImageRun:
    """Run the job into `job.out`; see `engine.run` for what is raised.

    With a `record` of how `upscale` was asked for, evidence.json and report.html are written too.
    """
    with run_folder(job, listing, start or Start()) as journal:
        try:
            result = run(job, listing, options, journal)
        finally:
            write_csv(journal.rows(), IMAGE_COLUMNS, job.out / "pictures.csv")
        errors = list(_errors(journal))
        summary: dict[str, object] = {
            "images": result.images,
            "failed": result.failed,
            "interrupted": result.interrupted,
            "expected": result.expected,
            "seconds": round(result.seconds, 3),
            "images_per_s": round(result.images_per_s, 2),
            "errors": errors,
            "notes": dict(result.notes),
            "frames_left_out": dict(result.left_out),
            "input": what_it_rests_on(job, listing),
            "settings": job.settings(),
            "provenance": provenance(),
        }
        write_json(job.out / "summary.json", summary)
        if record is not None and isinstance(job, UpscaleImages):
            rows, cut = journal.rows(), result.interrupted
            close_run(job, record, rows, interrupted=cut, quiet=options.quiet)
    return ImageRun(job.out, result, errors, summary)


def _errors(journal: Journal) -> Iterator[str]:
    return (f"{row['image']}: {row['error']}" for row in journal.rows() if row["error"])
