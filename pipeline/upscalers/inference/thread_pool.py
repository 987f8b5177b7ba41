"""Short passes on the CPU, several at once, each in one thread of torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from threading import Barrier
from typing import TypeVar

import torch
from torch import Tensor

T = TypeVar("T")


class SideBySide:
    """Maps a function over tensors with `threads` threads, each call in one of them.

    Shared by threads, every operation on a few small images ends with waiting for the slowest:
    two threads took longer than one. Alone in one thread, a pass gives the same result whatever
    the number of threads.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads

    def map(self, function: Callable[[Tensor], T], inputs: Sequence[Tensor]) -> list[T]:
        """What `function` gives for each input, in order; the first error is raised."""
        if self._threads == 1:
            return [function(one) for one in inputs]
        # the mode of inference belongs to a thread
        return list(self._pool.map(torch.inference_mode()(function), inputs))

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return one_thread_each(self._threads, "pass")


def one_thread_each(threads: int, name: str) -> ThreadPoolExecutor:
    """A pool of `threads` threads in which torch computes in the calling thread alone."""
    ours = torch.get_num_threads()
    ready = Barrier(threads + 1)
    pool = ThreadPoolExecutor(threads, name, initializer=_begin, initargs=(ready,))
    for _ in range(threads):
        pool.submit(int)  # none is idle before the barrier: each starts a thread
    ready.wait()
    # their number became that of every thread to come
    torch.set_num_threads(ours)
    return pool


def _begin(ready: Barrier) -> None:
    # asked first: a thread takes the number of the process over when it first needs it
    torch.get_num_threads()
    torch.set_num_threads(1)
    ready.wait()
