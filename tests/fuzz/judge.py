"""What may come of an input: it is taken, or refused on one line; anything else is a defect."""

import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Literal

import click

from data.errors import SrPipelineError
from data.safe_text import printable
from gflmser.schema import ConfigError
from gflmser.weights import WeightsError

Verdict = Literal["taken", "refused", "defect"]
SECONDS: Final = 60
"""An input that computes for longer never ends, however slow the machine is."""
_WAITED: Final = 600
"""An input that takes longer waits for something."""
_REFUSALS: Final = (SrPipelineError, ConfigError, WeightsError, click.ClickException)


class HungError(Exception):
    """The input was not done in time."""


def judged(run: Callable[[], object]) -> tuple[Verdict, str]:
    """Run one input; the verdict, and for a defect its traceback."""
    try:
        with _in_time():
            run()
    except _REFUSALS as error:
        text = error.format_message() if isinstance(error, click.ClickException) else str(error)
        if not text.strip() or printable(text) != text:
            return "defect", f"a refusal that is not one clean line: {text!r}"
        return "refused", ""
    except Exception:
        return "defect", traceback.format_exc()
    return "taken", ""


@contextmanager
def _in_time() -> Iterator[None]:
    def stop(number: int, _frame: object) -> None:
        why = f"computes for {SECONDS} s" if number == signal.SIGPROF else f"waits for {_WAITED} s"
        raise HungError(why)

    before = {number: signal.signal(number, stop) for number in (signal.SIGALRM, signal.SIGPROF)}
    signal.alarm(_WAITED)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
