"""How a command ends when it cannot do what was asked: one line on stderr, and an exit code."""

import io
import logging
import select
import sys
import traceback
from typing import Final

import click

from data.errors import SrPipelineError
from data.safe_text import one_line, printable
from pipeline.environment.messages import noted

USAGE: Final = 2
"""Usage, nothing to do, or something that a user can mend."""
INTERNAL: Final = 3
"""A mistake of sr-pipeline itself."""
INTERRUPTED: Final = 130


def exit_code_of(error: BaseException, *, debug: bool) -> int:
    """Say on stderr, on one line, what went wrong; return the exit code.

    With `debug` the traceback comes before it. No control character of a file name or of a file
    reaches the terminal.
    """
    if isinstance(error, BrokenPipeError) and reader_left():
        # The reader of stdout left (`| head`): nothing to say, and no second error at exit.
        sys.stderr.close()
        return 0
    if debug:
        text = "".join(traceback.format_exception(error))
        click.echo(printable(text, keep="\n"), err=True)
    code, text = _words(error)
    noted(text, logging.ERROR, error=error if code == INTERNAL else None)
    click.echo(printable(text, keep="\n"), err=True)
    return code


def _words(error: BaseException) -> tuple[int, str]:
    if isinstance(error, click.exceptions.Abort | KeyboardInterrupt):
        return INTERRUPTED, "sr-pipeline: interrupted"
    if isinstance(error, click.ClickException):
        text = io.StringIO()
        error.show(text)
        return USAGE, text.getvalue().rstrip("\n")
    if isinstance(error, SrPipelineError):
        return USAGE, f"sr-pipeline: error: {one_line(error)}"
    if isinstance(error, MemoryError):
        return USAGE, "sr-pipeline: error: not enough memory"
    if isinstance(error, OSError) and error.errno is not None:
        where = f"{error.filename}: " if error.filename else ""
        return USAGE, f"sr-pipeline: error: {one_line(f'{where}{error.strerror}')}"
    kind = type(error).__name__
    return INTERNAL, (
        f"sr-pipeline: internal error: {kind}: {one_line(error)[:300]} "
        "(--debug shows where; please report it)"
    )


def reader_left() -> bool:
    """Whether nobody reads stdout any more."""
    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
        return any(events & select.POLLERR for _, events in poll.poll(0))
    except (AttributeError, OSError, ValueError):
        return False
