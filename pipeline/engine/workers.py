"""Worker processes: spawned, never forked; their models load once; their deaths are survived."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait as wait_for
from types import TracebackType
from typing import Final, Self

from data.errors import ModelError, OutputError
from pipeline.engine.job import Ended, Finished, Item, Job, finish_all

_TASKS_PER_WORKER: Final = 3
_DIED: Final = "the worker process died on this image (out of memory?)"

_job: Job | None = None


def _start(job: Job) -> None:
    global _job
    _job = job
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Leave when the main process is gone: after `kill -9` nobody else would tell us."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for([parent.sentinel])
        os._exit(1)


def _warm_up() -> Ended:
    if _job is None:
        return [], None
    try:
        _job.warm_up()
    except (ModelError, OutputError) as error:
        return [], error
    return [], None


def _finish(items: Sequence[Item]) -> Ended:
    if _job is None:
        raise RuntimeError("the worker was not started")
    return finish_all(_job, items)


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Spawned processes inherit the mask: Ctrl-C is for the main process alone."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class WorkerPool:
    """Runs stage 3 in `workers` processes with a bounded number of waiting tasks."""

    def __init__(self, job: Job, workers: int) -> None:
        self._job = job
        self._workers = workers
        self._waiting: dict[Future[Ended], Sequence[Item]] = {}
        self._kept: list[Finished] = []
        self._executor = self._new_executor()
        with _interrupts_held():
            for _ in range(workers):
                self._waiting[self._executor.submit(_warm_up)] = ()

    def _new_executor(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            self._workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_start,
            initargs=(self._job,),
        )

    @property
    def busy(self) -> bool:
        """Whether any task is still under way."""
        return bool(self._waiting)

    @property
    def full(self) -> bool:
        """Whether a new task should wait."""
        tasks = sum(bool(items) for items in self._waiting.values())
        return tasks >= self._workers * _TASKS_PER_WORKER

    def submit(self, items: Sequence[Item]) -> None:
        """Hand one task, a few images, to the workers."""
        with _interrupts_held():
            try:
                self._waiting[self._executor.submit(_finish, items)] = items
            except BrokenProcessPool as error:
                failed: Future[Ended] = Future()
                failed.set_exception(error)
                self._waiting[failed] = items

    def collect(self, *, block: bool) -> list[Finished]:
        """Return what is finished; with `block`, wait until at least one task is.

        Raises the ModelError or OutputError that ended a task; `rest` then has what is finished.
        """
        timeout = None if block else 0
        done, _ = wait(self._waiting, timeout=timeout, return_when=FIRST_COMPLETED)
        finished, errors = self._take(done)
        if errors:
            self._kept += finished
            raise errors[0]
        return finished

    def rest(self) -> list[Finished]:
        """Drop the waiting tasks, let the running ones end, return what was not collected yet."""
        for future in list(self._waiting):
            if future.cancel():
                del self._waiting[future]
        finished, _ = self._take(wait(self._waiting).done)
        return self._kept + finished

    def _take(
        self, done: Iterable[Future[Ended]]
    ) -> tuple[list[Finished], list[ModelError | OutputError]]:
        finished: list[Finished] = []
        errors: list[ModelError | OutputError] = []
        lost: list[Item] = []
        for future in done:
            items = self._waiting.pop(future)
            try:
                rows, error = future.result()
            except BrokenProcessPool:
                lost += items
                continue
            finished += rows
            errors += [error] if error else []
        return finished + self._one_by_one(lost, errors) if lost else finished, errors

    def _one_by_one(
        self, lost: list[Item], errors: list[ModelError | OutputError]
    ) -> list[Finished]:
        """After a worker died: start anew and find the image that it died of."""
        for items in self._waiting.values():
            lost += items
        self._waiting.clear()
        finished: list[Finished] = []
        for item in lost:
            self._executor.shutdown(wait=False, cancel_futures=True)
            rows, error = self._alone(item)
            finished += rows
            errors += [error] if error else []
        return finished

    def _alone(self, item: Item) -> Ended:
        self._executor = self._new_executor()
        with _interrupts_held():
            future = self._executor.submit(_finish, [item])
        try:
            return future.result()
        except BrokenProcessPool:
            self._executor = self._new_executor()
            rows = self._job.failure(item.source, _DIED)
            return [Finished(item.source, item.position, rows, failed=True)], None

    def __enter__(self) -> Self:
        """Use as a context manager that ends the processes."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let running tasks end, drop the waiting ones."""
        self._executor.shutdown(wait=True, cancel_futures=True)
