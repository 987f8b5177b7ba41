"""A TOML file read into frozen dataclasses: every key is known, every value has its type."""

from __future__ import annotations

import dataclasses
import errno
import stat
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from gflmser.schema_check import ConfigError, check

__all__ = ["ConfigError", "dump", "load", "parse", "read_toml"]

T = TypeVar("T")

_LARGEST_FILE: Final = 1 << 20


def parse(schema: type[T], values: Mapping[str, Any], *, at: str = "") -> T:
    """`values` as a `schema` dataclass, nested ones included.

    An int is taken where a float is asked for; nothing else is converted.

    Raises ConfigError for an unknown key (naming the nearest known one), a key of another method, a
    missing key, or a value of another type.
    """
    check(schema, values, at, method=_method(schema))
    try:
        return msgspec.convert(dict(values), schema)
    except msgspec.ValidationError as error:
        raise ConfigError(_told(str(error), at)) from error


def load(schema: type[T], path: Path, settings: Sequence[str] = ()) -> T:
    """The file at `path` (see `read_toml`) with each `dotted.key=value` of `settings` over it."""
    values = read_toml(path)
    for setting in settings:
        _lay_over(values, setting)
    return parse(schema, values)


def read_toml(path: Path, above: tuple[Path, ...] = ()) -> dict[str, Any]:
    """What a file says; with `base = "FILE"`, relative to itself, laid over that one, key by key.

    Raises ConfigError when one of them cannot be read, or is in `above`: those that build on it.
    """
    if path.resolve() in above:
        raise ConfigError(f"{path} is its own base")
    try:
        values = tomllib.loads(_text(path))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except RecursionError:
        raise ConfigError(f"{path}: nested too deeply") from None
    except ValueError as error:  # no TOML, no UTF-8, a number of thousands of digits
        raise ConfigError(f"{path}: {error}") from error
    base = values.pop("base", None)
    if base is None:
        return values
    if not isinstance(base, str):
        raise ConfigError(f"{path}: 'base' must be the name of a file, not {base!r}")
    return _merged(read_toml(path.parent / base, (*above, path.resolve())), values)


def _text(path: Path) -> str:
    """A regular file of a sensible size; raises OSError."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a regular file")
    if status.st_size > _LARGEST_FILE:
        raise OSError(errno.EFBIG, "too large for a configuration")
    return path.read_text("utf-8")


def _merged(base: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Tables are merged, everything else is replaced."""
    merged = dict(base)
    for key, value in values.items():
        below = merged.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            value = _merged(below, value)
        merged[key] = value
    return merged


def dump(config: Any) -> Any:  # noqa: ANN401
    """A dataclass as plain dicts, lists and scalars, ready for JSON; None entries are left out."""
    if dataclasses.is_dataclass(config):
        pairs = ((f.name, getattr(config, f.name)) for f in dataclasses.fields(config))
        return {name: dump(value) for name, value in pairs if value is not None}
    if isinstance(config, Mapping):
        return {str(key): dump(value) for key, value in config.items()}
    if isinstance(config, (list, tuple)):
        return [dump(value) for value in config]
    return config


def _lay_over(values: dict[str, Any], setting: str) -> None:
    key, equals, text = setting.partition("=")
    if not equals:
        raise ConfigError(f"'{setting}' is not key=value")
    try:
        value = tomllib.loads(f"v = {text}")["v"]
    except (ValueError, RecursionError):
        value = text  # a bare word is a string, so that no shell quoting is needed
    *parents, last = key.strip().split(".")
    table: Any = values
    for parent in parents:
        table = table.setdefault(parent, {})
        if not isinstance(table, dict):
            raise ConfigError(f"'{key}': '{parent}' is not a table")
    table[last] = value


def _method(schema: type) -> str | None:
    """The method whose configuration it is, by the default of its field `method`."""
    fields = {f.name: f for f in dataclasses.fields(schema)}
    default = fields["method"].default if "method" in fields else None
    return default if isinstance(default, str) else None


def _told(error: str, at: str) -> str:
    """An error of msgspec with the key first, as it stands in the file."""
    message, _, where = error.partition(" - at `$")
    path = f"{at}{where.rstrip('`')}".lstrip(".")
    return f"'{path}': {message}" if path else message
