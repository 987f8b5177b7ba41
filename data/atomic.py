"""Files are written whole: under a temporary name in the same folder, then renamed."""

import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Final

from data.errors import OutputError
from data.regular_files import reason
from data.safe_text import printable

PART_PREFIX: Final = ".part-"
"""How the temporary files of `whole_file` begin; nobody takes them for images."""

_written: ContextVar[list[Path] | None] = ContextVar("written", default=None)


def cache_folder() -> Path:
    """The user's cache folder of sr-pipeline; it may not exist, and may be deleted any time."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base else Path.home() / ".cache") / "sr-pipeline"


def make_folder(path: Path) -> None:
    """Create `path` and its parents; raises OutputError when that is not possible."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot create {printable(str(path))}: {reason(error)}") from error


@contextmanager
def recorded() -> Iterator[list[Path]]:
    """Yield a list to which every file is added that `whole_file` finishes within the block."""
    files: list[Path] = []
    token = _written.set(files)
    try:
        yield files
    finally:
        _written.reset(token)


def remove_parts(folder: Path) -> int:
    """Remove what `whole_file` left below `folder` when its process was killed; say how many.

    Only for a folder that no other process writes to.
    """
    parts = [
        Path(where, name)
        for where, _, names in os.walk(folder)
        for name in names
        if name.startswith(PART_PREFIX)
    ]
    for part in parts:
        _discard(part)
    return len(parts)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path that becomes `path` when the block ends without an error.

    Raises OutputError when the folder cannot be written (full, read-only, not a folder).
    """
    make_folder(path.parent)
    temporary: Path | None = None
    try:
        temporary = _new_part(path)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        _discard(temporary)
        raise OutputError(f"cannot write {printable(str(path))}: {reason(error)}") from error
    except BaseException:
        _discard(temporary)
        raise
    if (files := _written.get()) is not None:
        files.append(path)


def _new_part(path: Path) -> Path:
    """An empty file beside `path`, its mode what the user's umask says."""
    # The name is short and of its own: adding a suffix could pass the limit of 255 bytes.
    part = path.parent / f"{PART_PREFIX}{secrets.token_hex(8)}{path.suffix[-16:]}"
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    return part


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, whole; see `whole_file`."""
    with whole_file(path) as temporary:
        # A file name that is no UTF-8 holds surrogates, which cannot be written as they are.
        temporary.write_bytes(text.encode("utf-8", "backslashreplace"))


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Write strict JSON (no NaN), whole; see `whole_file`."""
    try:
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    except ValueError as error:  # NaN
        raise OutputError(f"cannot write {printable(str(path))}: {error}") from error
    write_text(path, text + "\n")


def _discard(temporary: Path | None) -> None:
    if temporary is not None:
        with suppress(OSError):
            temporary.unlink()
