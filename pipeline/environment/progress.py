"""Progress on stderr: images, rate and ETA; and, for who asks, as calls of a function."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from tqdm import tqdm

from pipeline.environment.messages import noted

Listener = Callable[[int, int | None], None]
"""Called with how many are done and how many there are, None where that is not known."""

_LOGGED_EVERY: Final = 10.0
"""Seconds between two lines of the log file."""

_listener: ContextVar[Listener | None] = ContextVar("progress_listener", default=None)


@contextmanager
def reported_to(listener: Listener | None) -> Iterator[None]:
    """Tell `listener` about the progress of what runs in the block; what it raises goes on up."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


class _Bar(tqdm):  # type: ignore[type-arg]
    """A bar that counts for the listener and the log file even where it shows nothing."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - tqdm's own
        super().__init__(*args, **options)
        self._counted = int(options.get("initial") or 0)
        self._of = options["total"]
        self._unit = options["unit"]
        self._noted_at = time.monotonic()
        self._note("begins")

    def update(self, n: float | None = 1) -> bool | None:
        """Move on by `n`."""
        self._counted += int(n or 0)
        if (listener := _listener.get()) is not None:
            listener(self._counted, None if self._of is None else int(self._of))
        if time.monotonic() - self._noted_at >= _LOGGED_EVERY:
            self._note("done")
        return super().update(n)

    def close(self) -> None:
        """End the bar; it may be called twice."""
        if self._unit:
            self._note("done")
            self._unit = ""
        super().close()

    def _note(self, word: str) -> None:
        self._noted_at = time.monotonic()
        of = "" if self._of is None else f" of {self._of}"
        noted(f"{self._unit}: {self._counted}{of} {word}")


def progress_bar(
    total: int | None,
    *,
    done: int = 0,
    quiet: bool = False,
    unit: str = "image",
) -> "tqdm[Any]":
    """Return a bar to use as a context manager; `done` are already there on a resumed run.

    Where stderr is not a terminal, a line comes every ten seconds instead of ten a second.
    """
    interval = 0.1 if sys.stderr.isatty() else 10.0
    return _Bar(
        total=total,
        initial=done,
        disable=quiet,
        unit=unit,
        mininterval=interval,
        maxinterval=interval * 3,
        smoothing=0.1,
        file=sys.stderr,
    )
