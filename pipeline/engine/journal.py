"""The journal of a run: what is done, row by row, in one SQLite file that survives `kill -9`."""

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from data.atomic import make_folder
from data.errors import OutputError, UsageError

JOURNAL_NAME: Final = "journal.sqlite"
_COMMIT_SECONDS: Final = 0.3
Row = Mapping[str, object]

_SCHEMA: Final = """
create table if not exists run (name text primary key, value text not null);
create table if not exists picture (
    key text primary key, position integer not null, failed integer not null, rows text not null
) without rowid;
create index if not exists by_position on picture (position);
"""


class Journal:
    """Rows of the finished pictures of one run, ordered by the pictures' position.

    `settings` are what the rows depend on: a run is resumed only with equal settings, and what
    failed is then no longer done. Raises
    UsageError when the folder holds a run that this one must not touch, OutputError when the
    folder cannot be written or another process uses it.
    """

    def __init__(self, folder: Path, settings: Mapping[str, object], *, resume: bool) -> None:
        make_folder(folder)
        self._committed = time.monotonic()
        self._path = folder / JOURNAL_NAME
        try:
            self._begin(json.dumps(settings, sort_keys=True), resume=resume)
        except sqlite3.Error as error:
            raise OutputError(f"cannot use {self._path}: {error}") from error

    def _begin(self, settings: str, *, resume: bool) -> None:
        existing = self._path.exists()
        self._db = sqlite3.connect(self._path, timeout=0.5)
        try:
            self._set_up()
            self._start_run(settings, existing=existing, resume=resume)
        except BaseException:
            self._db.close()
            raise

    def _start_run(self, settings: str, *, existing: bool, resume: bool) -> None:
        if existing and resume:
            _same_settings(self._value("settings"), settings)
            self._db.execute("delete from picture where failed")  # they are tried again
        elif existing and self._value("finished") != "1" and self.counts()[0]:
            raise UsageError(
                f"{self._path.parent} holds an unfinished run ({self.counts()[0]} pictures done): "
                "add --resume to go on with it, or choose another --out"
            )
        elif existing:
            self._db.executescript("delete from run; delete from picture;")
        self._db.execute("insert or replace into run values ('settings', ?)", (settings,))
        self._db.execute("insert or replace into run values ('finished', '0')")
        self._db.commit()

    def _set_up(self) -> None:
        # Exclusive: a second process on the same folder is told so at once.
        self._db.execute("pragma locking_mode = exclusive")
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = normal")
        self._db.executescript(_SCHEMA)

    def _value(self, name: str) -> str | None:
        found = self._db.execute("select value from run where name = ?", (name,)).fetchone()
        return None if found is None else str(found[0])

    def done(self, key: str) -> bool:
        """Tell whether the rows of this picture are in the journal."""
        return bool(self._db.execute("select 1 from picture where key = ?", (key,)).fetchone())

    def add(self, key: str, position: int, rows: Sequence[Row], *, failed: bool) -> None:
        """Put one finished picture in; it lasts from the next `commit` on."""
        text = json.dumps(rows, ensure_ascii=False)
        try:
            self._db.execute(
                "insert or replace into picture values (?, ?, ?, ?)", (key, position, failed, text)
            )
        except sqlite3.Error as error:
            raise OutputError(f"cannot write {self._path}: {error}") from error

    def commit(self) -> None:
        """Make what was added last; raises OutputError when the disk is full."""
        try:
            self._db.commit()
        except sqlite3.Error as error:
            raise OutputError(f"cannot write {self._path}: {error}") from error
        self._committed = time.monotonic()

    def commit_soon(self) -> None:
        """Commit when the last commit is a while ago: a commit per picture would cost time."""
        if time.monotonic() - self._committed > _COMMIT_SECONDS:
            self.commit()

    def finish(self) -> None:
        """Mark the run as complete."""
        self._db.execute("insert or replace into run values ('finished', '1')")
        self.commit()

    def counts(self) -> tuple[int, int]:
        """Count the finished pictures and the failed ones among them."""
        found = self._db.execute("select count(*), coalesce(sum(failed), 0) from picture")
        pictures, failed = found.fetchone()
        return int(pictures), int(failed)

    def rows(self) -> Iterator[Row]:
        """Yield the rows of all finished pictures in the order of the listing."""
        for (text,) in self._db.execute("select rows from picture order by position, key"):
            yield from json.loads(text)

    def __enter__(self) -> Self:
        """Use as a context manager that closes the file."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Keep what was added, whatever ended the run."""
        with suppress(sqlite3.Error):
            self._db.commit()
        self._db.close()


def _same_settings(before: str | None, now: str) -> None:
    if before is None or before == now:
        return
    old, new = json.loads(before), json.loads(now)
    changed = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    raise UsageError(
        "--resume needs the settings the run was started with; changed: "
        + ", ".join(f"{name} ({old.get(name)} -> {new.get(name)})" for name in changed)
    )
