"""What a command says while it works: a line on stderr, and a line with its time in a log file."""

from __future__ import annotations

import io
import logging
import sys
import time
from pathlib import Path
from typing import Final, TextIO

from data.errors import OutputError
from data.safe_text import printable

__all__ = ["log_to", "messages_on_stderr", "noted", "tell", "told"]

OURS: Final = ("pipeline", "data", "gflmser", "benchmarks")
"""Packages whose quiet messages go into the log file; of others only warnings do."""
_FORMAT: Final = "%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s"
_IN_FILE_ALONE: Final = "in_file_alone"
log = logging.getLogger(__name__)


class _Safe(logging.Formatter):
    """No control character of a file name reaches the terminal or the file."""

    converter = staticmethod(time.gmtime)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        return printable(super().formatMessage(record))

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record), keep="\n")  # a traceback has lines


def messages_on_stderr() -> None:
    """Write warnings of the log to stderr."""
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)
    handler.addFilter(lambda record: not hasattr(record, _IN_FILE_ALONE))
    handler.setFormatter(_Safe("%(message)s"))
    logging.getLogger().addHandler(handler)


def log_to(path: Path) -> None:
    """Add every message from now on to the end of `path`, each with its time in UTC.

    Raises `OutputError` when the file cannot be opened.

    Example:
        >>> log_to(Path("runs.log"))  # doctest: +SKIP
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(path, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        from data.regular_files import reason

        raise OutputError(f"cannot write {printable(str(path))}: {reason(error)}") from error
    handler.setFormatter(_Safe(_FORMAT, "%Y-%m-%dT%H:%M:%S"))
    logging.getLogger().addHandler(handler)
    for name in OURS:
        logging.getLogger(name).setLevel(logging.INFO)


def tell(text: str, *, quiet: bool = False) -> None:
    """Say `text` on stderr unless `quiet`, and in the log file."""
    noted(text)
    if not quiet:
        sys.stderr.write(f"{printable(text)}\n")
        sys.stderr.flush()


def noted(text: str, level: int = logging.INFO, *, error: BaseException | None = None) -> None:
    """Say `text`, and the traceback of `error`, in the log file alone."""
    log.log(level, "%s", text, exc_info=error, extra={_IN_FILE_ALONE: True})


class _Told(io.StringIO):
    def __init__(self, *, quiet: bool) -> None:
        super().__init__()
        self._quiet = quiet
        self._line = ""

    def write(self, text: str) -> int:
        *whole, self._line = (self._line + text).split("\n")
        for line in whole:
            tell(line, quiet=self._quiet)
        return len(text)


def told(*, quiet: bool = False) -> TextIO:
    """A stream to write to; each whole line is said as `tell` says it."""
    return _Told(quiet=quiet)
