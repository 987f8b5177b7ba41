"""The journal of a run: what is done, image by image, in one SQLite file that survives `kill -9`.

It knows the inputs: every finished image stands there with the stamp of its file, so that a changed
one is done again. It knows the outputs: what a run wrote can be removed, and nothing else is.
"""

import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Final, Self

from data.atomic import make_folder, remove_parts
from data.errors import OutputError, UsageError
from data.regular_files import Stamp, check_regular, reason
from data.safe_text import one_line, printable

JOURNAL_NAME: Final = "journal.sqlite"
_VERSION: Final = 2
_LARGEST: Final = 1 << 40
_COMMIT_SECONDS: Final = 0.3
_SETTINGS: Final = "settings"
_ORPHAN: Final = ""
"""Owner of a file whose image is done again or gone."""
Row = Mapping[str, object]

_SCHEMA: Final = """
begin;
create table if not exists run (name text primary key, value text not null);
create table if not exists image (
    key text primary key, position integer not null, failed integer not null, rows text not null,
    size integer, mtime_ns integer, sha256 text, detail text not null, note text not null,
    session integer not null
) without rowid;
create table if not exists file (path text primary key, key text) without rowid;
create index if not exists by_position on image (position);
create index if not exists by_key on file (key);
commit;
"""


@dataclass(frozen=True, slots=True)
class Start:
    """What to do with an output folder that holds a run already."""

    resume: bool = False
    """Go on with it; images whose file changed since are done again."""
    overwrite: bool = False
    """Remove what it wrote, then begin anew."""
    quick: bool = False
    """On resuming, tell a changed image by size and time of change, not by its SHA-256."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One finished image on its way into the journal."""

    key: str
    position: int
    rows: Sequence[Row]
    failed: bool = False
    stamp: Stamp | None = None
    detail: str = ""
    """What else of the source the rows depend on: its output name, the manifest's box."""
    note: str = ""
    files: tuple[str, ...] = ()
    """What was written for it: POSIX paths relative to the journal's folder."""


class Journal:
    """Rows of the finished images of one run, ordered by the images' position.

    `settings` are what the rows depend on, the INPUT among them: a run is resumed only with equal
    settings, and what failed is then no longer done. Raises UsageError when the folder holds a run
    that this one must not touch, OutputError when the folder cannot be written or another process
    uses it.
    """

    def __init__(
        self, folder: Path, settings: Mapping[str, object], *, start: Start | None = None
    ) -> None:
        make_folder(folder)
        self._committed = time.monotonic()
        self.folder = folder
        self._path = folder / JOURNAL_NAME
        self._start = start or Start()
        try:
            self._begin(json.dumps(settings, sort_keys=True, default=str))
        except (sqlite3.Error, ValueError) as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> OutputError:
        if "locked" in str(error):
            return OutputError(f"another run writes to {self._shown()}: wait for it, or end it")
        return OutputError(f"cannot use {printable(str(self._path))}: {one_line(error)}")

    def _shown(self) -> str:
        return printable(str(self.folder))

    def _begin(self, settings: str) -> None:
        existing = os.path.lexists(self._path)
        if existing:
            try:
                check_regular(self._path, limit=_LARGEST)
            except OSError as error:
                raise OutputError(
                    f"cannot use {printable(str(self._path))}: {reason(error)}"
                ) from error
        self._db = sqlite3.connect(self._path, timeout=0.5)
        try:
            self._set_up()
            self._start_run(settings)
            if existing:  # the lock is ours: what is half written has no owner
                remove_parts(self.folder)
        except BaseException:
            self._db.close()
            raise

    def _set_up(self) -> None:
        # Exclusive: a second process on the same folder is told so at once.
        self._db.execute("pragma locking_mode = exclusive")
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = normal")
        old = self._db.execute(
            "select 1 from sqlite_master where name = 'picture' and type = 'table'"
        ).fetchone()
        if old and not self._start.overwrite:
            raise UsageError(
                f"{self._shown()} holds results of an older sr-pipeline: choose another --out, "
                "or add --overwrite"
            )
        if old:
            self._db.executescript("drop table if exists run; drop table picture;")
        self._db.executescript(_SCHEMA)
        self._db.execute(f"pragma user_version = {_VERSION}")

    def _start_run(self, settings: str) -> None:
        if self._start.resume:
            _same_settings(self._value(_SETTINGS), settings)
            failed = self._db.execute("select key from image where failed").fetchall()
            for (key,) in failed:  # they are tried again
                self.forget(str(key))
        elif self.counts()[0] and not self._start.overwrite:
            raise UsageError(self._taken())
        else:
            self._remove_files("select path from file", ())
            self._db.executescript("delete from run; delete from image; delete from file;")
        self._session = int(self._value("session") or 0) + 1
        for name, value in (
            (_SETTINGS, settings),
            ("finished", "0"),
            ("session", str(self._session)),
        ):
            self._db.execute("insert or replace into run values (?, ?)", (name, value))
        self._db.commit()

    def _taken(self) -> str:
        done = f"{self.counts()[0]} images done"
        if self._value("finished") == "1":
            return (
                f"{self._shown()} holds a finished run ({done}): add --overwrite to replace it, "
                "--resume to add what is missing, or choose another --out"
            )
        return (
            f"{self._shown()} holds an unfinished run ({done}): add --resume to go on with it, "
            "--overwrite to begin anew, or choose another --out"
        )

    def _value(self, name: str) -> str | None:
        found = self._db.execute("select value from run where name = ?", (name,)).fetchone()
        return None if found is None else str(found[0])

    @property
    def quick(self) -> bool:
        """Whether a changed image is told by size and time alone."""
        return self._start.quick

    def known(self, key: str) -> tuple[Stamp, str] | None:
        """Stamp and detail of a finished image; None for an image that is not done."""
        found = self._db.execute(
            "select size, mtime_ns, sha256, detail from image where key = ?", (key,)
        ).fetchone()
        return None if found is None else (Stamp(*found[:3]), str(found[3]))

    def keep(self, key: str, position: int) -> None:
        """Say that a finished image is still among the inputs, at this position."""
        self._db.execute(
            "update image set position = ?, session = ? where key = ?",
            (position, self._session, key),
        )

    def forget(self, key: str) -> None:
        """Remove an image's rows; `finish` removes those of its files that nobody wrote again."""
        self._db.execute("update file set key = ? where key = ?", (_ORPHAN, key))
        self._db.execute("delete from image where key = ?", (key,))

    def add(self, entry: Entry) -> None:
        """Put one finished image in; it lasts from the next `commit` on."""
        text = json.dumps(entry.rows)  # ASCII: a path that is no UTF-8 holds surrogates
        stamp = entry.stamp or Stamp(0, 0, "")
        values = (entry.key, entry.position, entry.failed, text, stamp.size, stamp.mtime_ns)
        try:
            self._db.execute(
                "insert or replace into image values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*values, stamp.sha256, entry.detail, entry.note, self._session),
            )
            self._db.executemany(
                "insert or replace into file values (?, ?)",
                [(path, entry.key) for path in entry.files],
            )
        except sqlite3.Error as error:
            raise self._unwritable(error) from error

    def add_files(self, files: Iterable[Path]) -> None:
        """Remember files of the whole run (tables, pages), so that `--overwrite` removes them."""
        try:
            self._db.executemany(
                "insert or replace into file values (?, null)",
                [(path,) for path in relative_to(self.folder, files)],
            )
            self.commit()
        except sqlite3.Error as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: sqlite3.Error) -> OutputError:
        return OutputError(f"cannot write {printable(str(self._path))}: {one_line(error)}")

    def commit(self) -> None:
        """Make what was added last; raises OutputError when the disk is full."""
        try:
            self._db.commit()
        except sqlite3.Error as error:
            raise self._unwritable(error) from error
        self._committed = time.monotonic()

    def commit_soon(self) -> None:
        """Commit when the last commit is a while ago: a commit per image would cost time."""
        if time.monotonic() - self._committed > _COMMIT_SECONDS:
            self.commit()

    def finish(self) -> None:
        """Mark the run as complete; what is no longer among the inputs goes."""
        gone = self._db.execute(
            "select key from image where session <> ?", (self._session,)
        ).fetchall()
        for (key,) in gone:
            self.forget(str(key))
        self._remove_files("select path from file where key = ?", (_ORPHAN,))
        self._db.execute("delete from file where key = ?", (_ORPHAN,))
        self._db.execute("insert or replace into run values ('finished', '1')")
        self.commit()

    def counts(self) -> tuple[int, int]:
        """Count the finished images and the failed ones among them."""
        found = self._db.execute("select count(*), coalesce(sum(failed), 0) from image")
        images, failed = found.fetchone()
        return int(images), int(failed)

    def rows(self) -> Iterator[Row]:
        """Yield the rows of all finished images in the order of the listing."""
        try:
            for (text,) in self._db.execute("select rows from image order by position, key"):
                yield from json.loads(text)
        except (sqlite3.Error, ValueError) as error:
            raise self._unusable(error) from error

    def notes(self) -> Iterator[tuple[str, str]]:
        """Yield key and note of the images that a reader should know something about."""
        found = self._db.execute(
            "select key, note from image where note <> '' order by position, key"
        )
        return ((str(key), str(note)) for key, note in found)

    def stamps(self) -> Iterator[tuple[str, Stamp]]:
        """Yield key and stamp of every image that was read, in the order of the listing."""
        found = self._db.execute(
            "select key, size, mtime_ns, sha256 from image where sha256 <> '' "
            "order by position, key"
        )
        return ((str(key), Stamp(size, mtime, sha)) for key, size, mtime, sha in found)

    def _remove_files(self, query: str, values: tuple[str, ...]) -> None:
        for (path,) in self._db.execute(query, values).fetchall():
            _remove(self.folder, str(path))

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


def record_files(folder: Path, files: Iterable[Path]) -> None:
    """Add files to the journal of a run that has ended; nothing where there is no journal."""
    path = folder / JOURNAL_NAME
    if not path.is_file():
        return
    with suppress(sqlite3.Error):
        db = sqlite3.connect(path, timeout=0.5)
        try:
            known = [(name,) for name in relative_to(folder, files)]
            db.executemany("insert or ignore into file values (?, null)", known)
            db.commit()
        finally:
            db.close()


def relative_to(folder: Path, files: Iterable[Path]) -> Iterator[str]:
    """POSIX paths of `files` seen from `folder`, as far as they lie below it."""
    for file in files:
        if file.is_relative_to(folder):
            yield file.relative_to(folder).as_posix()


def _remove(folder: Path, name: str) -> None:
    """Remove a file that the journal names, and the folders that are empty then.

    The journal may be somebody else's: nothing outside the folder is touched, no link followed.
    """
    relative = PurePosixPath(name)
    if relative.is_absolute() or ".." in relative.parts or "\0" in name or not relative.parts:
        return
    root, path = folder.resolve(), folder / relative
    if not path.parent.resolve().is_relative_to(root) or relative.parts == (JOURNAL_NAME,):
        return
    with suppress(OSError):
        path.unlink()
        for parent in path.parents:
            if parent == folder:
                break
            parent.rmdir()  # ends by OSError at the first that is not empty


def _same_settings(before: str | None, now: str) -> None:
    if before is None or before == now:
        return
    old, new = json.loads(before), json.loads(now)
    changed = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    raise UsageError(
        "--resume needs the settings the run was started with; changed: "
        + one_line(", ".join(f"{name} ({old.get(name)} -> {new.get(name)})" for name in changed))
    )
