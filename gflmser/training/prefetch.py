"""Batches made while a GPU learns from earlier ones; a CPU has no time to spare for that."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from gflmser.training.sampler import Batch

AHEAD: Final = 4
"""Batches under way, each in a thread of its own: Pillow and NumPy work beside the interpreter."""


class Prefetched:
    """Batch after batch of a function of the step; with `ahead` 0 each is made when asked for.

    As a batch depends on its step alone, the result is the same however many are made ahead.
    """

    def __init__(
        self,
        make: Callable[[int, Sequence[int]], Batch],
        indices: Sequence[int],
        *,
        ahead: int = AHEAD,
    ) -> None:
        self._make = make
        self._indices = indices
        self._ahead = ahead
        self._pool = ThreadPoolExecutor(ahead, "batches") if ahead else None
        self._waiting: deque[tuple[int, Future[Batch]]] = deque()

    def __call__(self, step: int) -> Batch:
        """The batch of `step`; those of the steps behind it are begun."""
        if self._pool is None:
            return self._make(step, self._indices)
        if self._waiting and self._waiting[0][0] != step:
            self._drop()
        first = self._waiting[-1][0] + 1 if self._waiting else step
        for later in range(first, step + self._ahead + 1):
            self._waiting.append((later, self._pool.submit(self._make, later, self._indices)))
        return self._waiting.popleft()[1].result()

    def close(self) -> None:
        """End the threads; what is not yet begun is never made."""
        self._drop()
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _drop(self) -> None:
        for _, batch in self._waiting:
            batch.cancel()
        self._waiting.clear()
