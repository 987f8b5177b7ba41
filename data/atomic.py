"""Files are written whole: under a temporary name in the same folder, then renamed."""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from data.errors import OutputError

_FILE_MODE = 0o644


def cache_folder() -> Path:
    """The user's cache folder of sr-pipeline; it may not exist, and may be deleted any time."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base else Path.home() / ".cache") / "sr-pipeline"


def make_folder(path: Path) -> None:
    """Create `path` and its parents; raises OutputError when that is not possible."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot create {path}: {error.strerror or error}") from error


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path that becomes `path` when the block ends without an error.

    Raises OutputError when the folder cannot be written (full, read-only, not a folder).
    """
    make_folder(path.parent)
    # The name is short and of its own: adding a suffix could pass the limit of 255 bytes.
    temporary: Path | None = None
    try:
        handle, name = tempfile.mkstemp(prefix=".part-", suffix=path.suffix[-16:], dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        temporary.chmod(_FILE_MODE)
        temporary.replace(path)
    except OSError as error:
        _discard(temporary)
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    except BaseException:
        _discard(temporary)
        raise


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, whole; see `whole_file`."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Write strict JSON (no NaN), whole; see `whole_file`."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _discard(temporary: Path | None) -> None:
    if temporary is not None:
        with suppress(OSError):
            temporary.unlink()
