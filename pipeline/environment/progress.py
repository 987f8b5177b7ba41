"""Progress on stderr: pictures, rate and ETA."""

import sys
from typing import Any

from tqdm import tqdm


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
    return tqdm(
        total=total,
        initial=done,
        disable=quiet,
        unit=unit,
        mininterval=interval,
        maxinterval=interval * 3,
        smoothing=0.1,
        file=sys.stderr,
    )
