"""How batches reach the device: made there, made when asked for, or made ahead in processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any, Final, Protocol

import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from gflmser.training.sampler import Batch

PROCESSES: Final = 4
"""Processes that make batches for a GPU, where the batches are not made on it."""


class Samples(Protocol):
    """Draws the samples of a step, by the step and their indices alone."""

    def batch(self, step: int, indices: Sequence[int]) -> Batch:
        """The samples `indices` of step `step`."""
        ...


class Batches:
    """Batch after batch on one device.

    As a batch depends on its step alone, the result is the same however many are made ahead. A CPU
    has no time to spare for that: there each is made when it is asked for. So is that of a sampler
    that works on the GPU itself.
    """

    def __init__(self, sampler: Samples, indices: Sequence[int], device: torch.device) -> None:
        self._sampler, self._indices, self._device = sampler, indices, device
        self._here = device.type == "cpu" or hasattr(sampler, "device")
        self._loader: Iterator[Batch] | None = None
        self._next = -1

    def __call__(self, step: int) -> Batch:
        """The batch of `step` on the device."""
        if self._here:
            return self._sampler.batch(step, self._indices).to(self._device)
        if self._loader is None or step != self._next:  # the first, or a training that was resumed
            steps = Steps(self._sampler, self._indices)
            self._loader = iter(loader(steps, first=step, processes=PROCESSES))
        self._next = step + 1
        return next(self._loader).to(self._device)

    def close(self) -> None:
        """End the processes; what is not yet begun is never made."""
        self._loader = None


class Steps(Dataset[Batch]):
    """The batches of a sampler by their step."""

    def __init__(self, sampler: Samples, indices: Sequence[int]) -> None:
        self._sampler, self._indices = sampler, indices

    def __getitem__(self, step: int) -> Batch:
        return self._sampler.batch(step, self._indices)


def loader(steps: Steps, *, first: int, processes: int) -> DataLoader[Any]:
    """The batches from step `first` on, made ahead by `processes`, without an end."""
    return DataLoader(
        steps,
        batch_size=None,
        sampler=_From(first),
        num_workers=processes,
        multiprocessing_context="spawn",  # a process that was forked after CUDA's start hangs
        pin_memory=torch.cuda.is_available(),
    )


class _From(Sampler[int]):
    def __init__(self, first: int) -> None:
        self._first = first

    def __iter__(self) -> Iterator[int]:
        return count(self._first)
