"""Progress on stderr: images, rate and ETA; and, for who asks, as calls of a function."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from tqdm import tqdm

Listener = Callable[[int, int | None], None]
"""Called with how many are done and how many there are, None where that is not known."""

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
    """A bar that counts for the listener even where it shows nothing."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - tqdm's own
        super().__init__(*args, **options)
        self._counted = int(options.get("initial") or 0)

    def update(self, n: float | None = 1) -> bool | None:
        """Move on by `n`."""
        self._counted += int(n or 0)
        if (listener := _listener.get()) is not None:
            listener(self._counted, None if self.total is None else int(self.total))
        return super().update(n)


def progress_bar(
    total: int | None,
    *,
    done: int = 0,
    quiet: bool = False,
    unit: str = "picture",
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
