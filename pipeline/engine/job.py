"""The stages every run is made of, one image at a time: read, enlarge, finish.

The local engine and the Ray engine call these same functions. An image that fails becomes a
`Finished` with an error row; only errors of the models or of the output folder stop the run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from data.atomic import recorded
from data.errors import ImageError, ModelError, OutputError
from data.images.rgb import RGB
from data.safe_text import one_line
from pipeline.engine.journal import Row
from pipeline.evidence.inputs import INPUT, input_entry
from pipeline.inputs.sources import Source

Images = dict[str, RGB]
"""Named images of one source on their way through the stages, e.g. `input` and `sr`."""


@dataclass(frozen=True, slots=True)
class Item:
    """An image between two stages.

    `position` is its place in the listing, `size` width and height of the image as the user
    gave it, which `images` may hold only a part of.
    """

    source: Source
    position: int
    size: tuple[int, int]
    images: Images
    entry: Mapping[str, object] = field(default_factory=dict)
    """What evidence.json states of it."""
    seen: object = None
    """What `LooksTogether.look` gave for it; None where nothing did."""

    @property
    def nbytes(self) -> int:
        """Memory that the images take."""
        return sum(image.nbytes for image in self.images.values())


class Job(Protocol):
    """What one command does to an image. Picklable; heavy models load on first use."""

    def check(self) -> None:
        """Raise ModelError in the main process when a model that the job needs is missing."""

    def warm_up(self) -> None:
        """Load in a worker process what `finish` needs, while the first images are read."""

    def read(self, source: Source) -> tuple[tuple[int, int], Images]:
        """Load what the source names and its size (reader thread); raises ImageError."""

    def enlarge(self, batch: Sequence[Item]) -> list[Images]:
        """Return each item's images with the super-resolved ones (main process, GPU actor)."""

    def finish(self, item: Item) -> list[Row]:
        """Detect, measure and write (worker process); returns the image's table rows."""

    def failure(self, source: Source, message: str) -> list[Row]:
        """Return the error rows of an image that could not be done."""


@runtime_checkable
class LooksTogether(Protocol):
    """A job whose workers look at the items of a task together before they finish each."""

    def look(self, batch: Sequence[Item]) -> Sequence[object]:
        """What is known of each item, for its `seen`; `finish` does without where it is None."""


@dataclass(frozen=True, slots=True)
class Finished:
    """An image that is through, well or with an error."""

    source: Source
    position: int
    rows: Sequence[Row]
    failed: bool = False
    files: tuple[Path, ...] = ()
    """What was written for it."""

    @property
    def key(self) -> str:
        """The image's name in every table."""
        return self.source.key


Ended = tuple[list[Finished], ModelError | OutputError | None]
"""What a task finished, and the error that ended it before its last image."""


def read_item(job: Job, source: Source, position: int) -> Item | Finished:
    """Stage 1: load the image."""
    try:
        source = source.opened()
        size, images = job.read(source)
    except Exception as error:
        return failed_item(job, source, position, error)
    entry = input_entry(source, images.get("input"), size)
    return Item(replace(source, pixels=None), position, size, images, entry)


def enlarge_items(job: Job, items: Sequence[Item]) -> list[Item | Finished]:
    """Stage 2: super-resolve a batch; when it fails as a whole, image by image."""
    try:
        enlarged = job.enlarge(items)
    except (ModelError, OutputError):
        raise
    except Exception as error:
        if len(items) == 1:
            return [failed_item(job, items[0].source, items[0].position, error)]
        return [done for item in items for done in enlarge_items(job, [item])]
    return [replace(item, images=images) for item, images in zip(items, enlarged, strict=True)]


def looked_at(job: Job, items: Sequence[Item]) -> Sequence[Item]:
    """The items with what a job sees in them together; as they are when it fails or has no look.

    Then each is finished alone, and only what is wrong gets an error row.
    """
    if not isinstance(job, LooksTogether) or not items:
        return items
    try:
        seen = job.look(items)
    except (ModelError, OutputError):
        raise
    except Exception:
        return items
    return [replace(item, seen=one) for item, one in zip(items, seen, strict=True)]


def finish_item(job: Job, item: Item) -> Finished:
    """Stage 3: detect, measure, write."""
    with recorded() as files:
        try:
            rows = job.finish(item)
        except Exception as error:
            return replace(failed_item(job, item.source, item.position, error), files=tuple(files))
    told = _with_entry(_with_origin(rows, item.source), item.entry)
    return Finished(item.source, item.position, told, files=tuple(files))


def _with_origin(rows: Sequence[Row], source: Source) -> list[Row]:
    """Each row with the plain path of its image, its time, and what is to be known about it."""
    told = {
        "path": source.shown_path,
        "note": source.note,
        "seconds": source.seconds,
        "time": source.time,
    }
    return [{**row, **told} for row in rows]


def finish_or_error(job: Job, item: Item) -> Finished | ModelError | OutputError:
    """Stage 3 in another process: an error that ends the run is returned beside what is finished.

    Raised there, it would take along the other images of its task.
    """
    try:
        return finish_item(job, item)
    except (ModelError, OutputError) as error:
        return error


def failed_item(job: Job, source: Source, position: int, error: Exception) -> Finished:
    """Turn an error into an error row; errors of models and of the output folder go on up."""
    if isinstance(error, (ModelError, OutputError)):
        raise error
    text = one_line(error)
    message = text if isinstance(error, ImageError) else f"{type(error).__name__}: {text}"
    source = replace(source, pixels=None)
    rows = _with_origin(job.failure(source, message), source)
    told = _with_entry(rows, input_entry(source, None, None))
    return Finished(source, position, told, failed=True)


def _with_entry(rows: Sequence[Row], entry: Mapping[str, object]) -> list[Row]:
    """The rows, the first with the image's hashes: the journal keeps both together."""
    return [{**row, INPUT: entry} if number == 0 else row for number, row in enumerate(rows)]


def finish_all(job: Job, items: Sequence[Item]) -> Ended:
    """Stage 3 of a few images, up to the first that the run cannot go on from."""
    finished: list[Finished] = []
    try:
        items = looked_at(job, items)
    except (ModelError, OutputError) as error:
        return finished, error
    for item in items:
        ended = finish_or_error(job, item)
        if not isinstance(ended, Finished):
            return finished, ended
        finished.append(ended)
    return finished, None
