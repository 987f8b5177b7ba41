"""Stage 3 in the main process, for `--workers 0`: no process is spawned, no model loads twice."""

from collections.abc import Sequence
from typing import Final

from pipeline.engine.job import Finished, Item, Job, finish_all


class OwnProcess:
    """Stands for a `WorkerPool`: does each task at once; a crash inside a library ends the run."""

    busy: Final = False
    full: Final = False

    def __init__(self, job: Job) -> None:
        self._job = job
        self._finished: list[Finished] = []

    def submit(self, items: Sequence[Item]) -> None:
        """Do one task now. Raises the ModelError or OutputError that ends it."""
        finished, error = finish_all(self._job, items)
        self._finished += finished
        if error is not None:
            raise error

    def collect(self, *, block: bool) -> list[Finished]:
        """Return what was finished since the last call; there is nothing to wait for."""
        finished, self._finished = self._finished, []
        return finished

    def rest(self) -> list[Finished]:
        """Return what was finished before an error."""
        return self.collect(block=False)
