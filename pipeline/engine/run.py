"""Runs a job over a listing: reading, upscaling and detection overlap, memory stays bounded.

Reader threads load images, the main process enlarges them in batches (it owns the GPU), worker
processes detect and write. What is finished goes into the journal, so a run can end at any point
and be resumed. The rows do not depend on the number of workers or on the batch size.
"""

import itertools
import logging
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Final

from data.errors import ModelError, OutputError, UsageError
from pipeline.engine.job import Finished, Item, Job, enlarge_items, read_item
from pipeline.engine.journal import Entry, Journal, relative_to
from pipeline.engine.own_process import OwnProcess
from pipeline.engine.workers import WorkerPool
from pipeline.environment.cores import usable_cores
from pipeline.environment.messages import noted, tell
from pipeline.environment.progress import progress_bar
from pipeline.inputs.sources import Listing, Source
from pipeline.names import EngineName

Numbered = tuple[int, Source]
Groups = Generator[list[Finished], None, None]

_READERS: Final = 2
_READ_AHEAD: Final = 16
_BATCH_BYTES: Final = 64 << 20
TASK_IMAGES: Final = 16
"""Small images that a worker gets at once."""
_TASK_BYTES: Final = 8 << 20
_NOTES: Final = 100


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run is carried out; none of it changes a row."""

    workers: int
    batch_size: int = 64
    engine: EngineName = "local"
    quiet: bool = False


Engine = Callable[[Job, Iterator[Numbered], RunOptions], Groups]


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run did: images in the journal, failed ones, and the speed of this run alone."""

    images: int
    failed: int
    new_images: int
    seconds: float
    interrupted: bool
    expected: int | None = None
    """Images of the whole listing; None where the paths came from a stream."""
    notes: tuple[tuple[str, str], ...] = ()
    """The first hundred images that a reader should know something about, and what."""
    left_out: tuple[tuple[str, str], ...] = ()
    """Videos of which frames were left out, and how many were searched."""

    @property
    def interruption(self) -> str:
        """One line that says what is missing; empty for a whole run."""
        if not self.interrupted:
            return ""
        of = "" if self.expected is None else f" of {self.expected}"
        return f"INTERRUPTED: {self.images}{of} images done; --resume goes on"

    @property
    def images_per_s(self) -> float:
        """Speed of this run over the images that it did itself."""
        return self.new_images / self.seconds if self.seconds > 0 else 0.0


def default_workers() -> int:
    """One worker per core that this process may use."""
    return usable_cores()


def run(job: Job, listing: Listing, options: RunOptions, journal: Journal) -> RunResult:
    """Run `job` over all images of `listing` that the journal does not hold yet.

    Ctrl-C ends the run early, with what is finished in the journal. Raises UsageError when the
    listing is empty, ModelError and OutputError when the run cannot go on.
    """
    sources = iter(listing)
    first = next(sources, None)
    if first is None:
        raise UsageError(f"no image found in {' '.join(listing.inputs)}; {listing.wanted()}")
    job.check()
    start, count, interrupted = time.monotonic(), 0, False
    todo = _missing(itertools.chain([first], sources), journal)
    total = listing.total()
    if total is not None:
        options = replace(options, workers=min(options.workers, total))
    left_out = tuple(listing.frames_left_out().items())
    for key, words in left_out:
        tell(f"{key}: {words}", quiet=options.quiet)
    with progress_bar(total, done=journal.counts()[0], quiet=options.quiet) as bar:
        finished = _engine(options.engine)(job, todo, options)
        try:
            for group in finished:
                _record(group, journal)
                count += len(group)
                bar.update(len(group))
        except KeyboardInterrupt:
            interrupted = True
        finally:
            finished.close()
            journal.commit()
    if not interrupted:
        journal.finish()
    images, failed = journal.counts()
    notes = tuple(itertools.islice(journal.notes(), _NOTES))
    seconds = time.monotonic() - start
    return RunResult(images, failed, count, seconds, interrupted, total, notes, left_out)


def _missing(sources: Iterable[Source], journal: Journal) -> Iterator[Numbered]:
    """The sources that the journal lacks, or that are no longer what it says."""
    for position, source in enumerate(sources):
        known = journal.known(source.key)
        if known is None:
            yield position, source
            continue
        stamp, detail = known
        if source.detail == detail and source.is_still(stamp, quick=journal.quick):
            journal.keep(source.key, position)
        else:
            journal.forget(source.key)
            yield position, source


def _record(group: Sequence[Finished], journal: Journal) -> None:
    for done in group:
        source = done.source
        if done.failed:
            noted(f"{source.key}: {done.rows[0].get('error')}", logging.WARNING)
        journal.add(
            Entry(
                source.key,
                done.position,
                done.rows,
                done.failed,
                source.stamp,
                source.detail,
                source.note,
                tuple(relative_to(journal.folder, done.files)),
            )
        )
    journal.commit_soon()


def _engine(name: EngineName) -> Engine:
    if name == "local":
        return run_local
    from pipeline.engine.ray_engine import run_ray

    return run_ray


def run_local(job: Job, todo: Iterator[Numbered], options: RunOptions) -> Groups:
    """Yield groups of finished images; all three stages run at the same time."""
    workers = options.workers
    opened: AbstractContextManager[WorkerPool | OwnProcess] = (
        WorkerPool(job, workers) if workers else nullcontext(OwnProcess(job))
    )
    with ThreadPoolExecutor(_READERS) as readers, opened as pool:
        try:
            for batch in _batches(_read_ahead(job, todo, readers), options.batch_size):
                done, items = _split(batch)
                failed, enlarged = _split(enlarge_items(job, items) if items else [])
                if done or failed:
                    yield [*done, *failed]
                for task in _tasks(enlarged):
                    while pool.full:
                        yield pool.collect(block=True)
                    pool.submit(task)
                if finished := pool.collect(block=False):
                    yield finished
            while pool.busy:
                yield pool.collect(block=True)
        except (ModelError, OutputError):
            yield pool.rest()  # the work done on the other images is kept
            raise
        finally:
            readers.shutdown(wait=False, cancel_futures=True)


def _read_ahead(
    job: Job, todo: Iterator[Numbered], readers: ThreadPoolExecutor
) -> Iterator[Item | Finished]:
    """Read in threads, a few images ahead, and yield in the order of the listing."""
    ahead: deque[Future[Item | Finished]] = deque()
    for position, source in todo:
        ahead.append(readers.submit(read_item, job, source, position))
        if len(ahead) >= _READ_AHEAD:
            yield ahead.popleft().result()
    while ahead:
        yield ahead.popleft().result()


def _batches(items: Iterator[Item | Finished], batch_size: int) -> Iterator[list[Item | Finished]]:
    """Group for one call of the upscaler: `batch_size` images, fewer where they are large."""
    batch: list[Item | Finished] = []
    size = 0
    for item in items:
        batch.append(item)
        size += item.nbytes if isinstance(item, Item) else 0
        if len(batch) >= batch_size or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _split(mixed: Sequence[Item | Finished]) -> tuple[list[Finished], list[Item]]:
    done = [one for one in mixed if isinstance(one, Finished)]
    return done, [one for one in mixed if isinstance(one, Item)]


def _tasks(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Cut a batch into what one worker gets at once."""
    task: list[Item] = []
    for item in items:
        task.append(item)
        if len(task) >= TASK_IMAGES or sum(one.nbytes for one in task) >= _TASK_BYTES:
            yield task
            task = []
    if task:
        yield task
