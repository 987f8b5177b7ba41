"""What every table is made with: the data, the methods, the cache, and how it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from benchmarks.methods import Entrant, absent_rivals
from benchmarks.result_cache import Cache
from pipeline.engine.run import RunOptions, default_workers
from pipeline.environment.devices import resolve_device
from pipeline.environment.messages import tell
from pipeline.environment.provenance import NOTICE, commit, library_versions, version
from pipeline.metrics.features import Extractor, load_extractor
from pipeline.names import Precision
from pipeline.upscalers.loading import Upscaler

T = TypeVar("T")


@dataclass(frozen=True)
class Bench:
    """Settings of `sr-pipeline benchmark`."""

    data: Path
    cache: Cache
    entrants: tuple[Entrant, ...]
    command: str
    """The words that made the tables, for their provenance."""
    subset: int | None = None
    """The most images of any set: a quick look."""
    seed: int = 0
    device: str = "auto"
    precision: Precision = "fp32"
    batch_size: int = 64
    workers: int | None = None
    inception: Path | None = None
    quiet: bool = False

    @cached_property
    def extractor(self) -> Extractor:
        """Inception where its weights were named, else dlib's face descriptor."""
        return load_extractor(self.inception)

    @cached_property
    def arithmetic(self) -> dict[str, str]:
        """What moves the last bit of a restored image."""
        return {"device": resolve_device(self.device).type, "precision": self.precision}

    def options(self) -> RunOptions:
        """How the engine is to run."""
        return RunOptions(self._processes, self.batch_size, quiet=self.quiet)

    @property
    def _processes(self) -> int:
        return default_workers() if self.workers is None else self.workers

    def side_by_side(self, tasks: Iterable[Callable[[], T]]) -> list[T]:
        """The results of `tasks` in their order, each in one thread: for what computes in one."""
        from pipeline.upscalers.inference.thread_pool import one_thread_each

        pool = one_thread_each(max(1, self._processes), "task")
        try:
            return [running.result() for running in [pool.submit(task) for task in tasks]]
        finally:
            pool.shutdown(cancel_futures=True)  # an interrupt waits for what runs, not for all

    def upscaler(self, entrant: Entrant) -> Upscaler:
        """The loaded network of a method; an oracle too."""
        from pipeline.jobs.compare import comparable

        name = entrant.method.upscaler
        return comparable(name, self.device, self.precision, self.batch_size)

    def most(self, count: int | None) -> int | None:
        """The fewer of `count` and the subset; None for all."""
        known = [n for n in (count, self.subset) if n is not None]
        return min(known) if known else None

    def say(self, text: str) -> None:
        """Progress on stderr."""
        tell(f"benchmark: {text}", quiet=self.quiet)

    def notes(self) -> list[str]:
        """What every table has to say about its rows."""
        return [note for note in (absent_rivals(self.entrants),) if note] + [NOTICE]

    def origin(self, sets: dict[str, str]) -> dict[str, object]:
        """Where a table comes from: no time in it, so that a second run gives the same file."""
        return {
            "command": self.command,
            "data": sets,
            "weights": {e.name: e.fingerprint[:16] for e in self.entrants if e.trained_on != "–"},
            "subset": self.subset,
            "seed": self.seed,
            **self.arithmetic,
            **self._made_by,
        }

    @cached_property
    def _made_by(self) -> dict[str, object]:
        """Read once, so that every table of a run names one commit."""
        return {"version": version(), "commit": commit(), "libraries": library_versions()}
