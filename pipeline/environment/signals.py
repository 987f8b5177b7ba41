"""Signals that end a command: the first leaves valid output, the second ends at once."""

import os
import signal
import sys
import threading
from typing import Final

CODE: Final = 130
"""Exit code of a command that a signal ended."""
_NAMES: Final = ("SIGINT", "SIGTERM", "SIGHUP")


def heed_signals() -> None:
    """Make Ctrl-C, SIGTERM and SIGHUP raise KeyboardInterrupt; a second one ends the process.

    What the caller of this process ignores (nohup, a shell's background job) stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    told = False

    def handle(_number: int, _frame: object) -> None:
        nonlocal told
        if told:
            os._exit(CODE)
        told = True
        raise KeyboardInterrupt

    for name in _NAMES:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handle)
    # A process that ends at once cannot give its semaphores back: the system does.
    sys.warnoptions.append("ignore:resource_tracker:UserWarning")


def leave(code: int) -> None:
    """End now: threads that still import a library in the background would abort at exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue
    os._exit(code)
