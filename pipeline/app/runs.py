"""The runs of the app: one folder each, one at a time, in a thread of their own."""

from __future__ import annotations

import re
import secrets
import threading
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from data.errors import SrPipelineError

State = Literal["waiting", "running", "done", "failed", "stopped"]
Work = Callable[["Run"], None]
_ID: Final = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{6}")


@dataclass(slots=True)
class Run:
    """One run: its folder, and how far it is."""

    id: str
    folder: Path
    state: State = "waiting"
    done: int = 0
    total: int | None = None
    message: str = ""
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def inputs(self) -> Path:
        """Where the uploaded images lie."""
        return self.folder / "inputs"

    @property
    def gallery(self) -> Path:
        """Where the uploaded gallery lies; it may not exist."""
        return self.folder / "gallery"

    @property
    def out(self) -> Path:
        """The run folder that is exported."""
        return self.folder / "results"

    def progress(self, done: int, total: int | None) -> None:
        """Note how far the run is; ends it as Ctrl-C does when it was stopped."""
        self.done, self.total = done, total
        if self.stop.is_set():
            raise KeyboardInterrupt

    def as_json(self) -> Mapping[str, object]:
        """What the page shows of it."""
        ready = (self.out / "report.html").is_file()
        return {
            "id": self.id,
            "state": self.state,
            "done": self.done,
            "total": self.total,
            "message": self.message,
            "ready": ready and self.state in ("done", "stopped"),
        }


class Runs:
    """All runs below one folder; those of earlier sessions are listed too."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._runs: dict[str, Run] = {}
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="run")
        folder.mkdir(parents=True, exist_ok=True)
        for earlier in sorted(folder.iterdir()):
            if _ID.fullmatch(earlier.name) and (earlier / "results" / "report.html").is_file():
                self._runs[earlier.name] = Run(earlier.name, earlier, "done")

    def new(self) -> Run:
        """A run with an empty folder."""
        name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
        folder = self._folder / name
        folder.mkdir()
        return Run(name, folder)

    def start(self, run: Run, work: Work) -> None:
        """Queue `work(run)`; what it raises becomes the run's message."""
        self._runs[run.id] = run
        self._pool.submit(self._do, run, work)

    def find(self, name: str) -> Run | None:
        """The run called `name`; None where there is none."""
        return self._runs.get(name) if _ID.fullmatch(name) else None

    def all(self) -> list[Run]:
        """Every run, the newest first."""
        return sorted(self._runs.values(), key=lambda run: run.id, reverse=True)

    def close(self) -> None:
        """Stop what is running and wait for it."""
        for run in self._runs.values():
            run.stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    @staticmethod
    def _do(run: Run, work: Work) -> None:
        if run.stop.is_set():
            run.state = "stopped"
            return
        run.state = "running"
        try:
            work(run)
        except KeyboardInterrupt:
            run.state = "stopped"
        except SrPipelineError as error:
            run.state, run.message = "failed", str(error)
        except Exception as error:
            run.state = "failed"
            run.message = f"internal error: {type(error).__name__}: {error}"
            text = traceback.format_exc()
            (run.folder / "error.log").write_text(text, encoding="utf-8")
        else:
            run.state = "stopped" if run.stop.is_set() else "done"
