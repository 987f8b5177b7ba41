"""A TOML file read into frozen dataclasses: every key is known, every value has its type."""

from __future__ import annotations

import dataclasses
import difflib
import errno
import stat
import tomllib
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

_LARGEST: Final = 10**15
"""The largest number that a configuration may hold."""
_LARGEST_FILE: Final = 1 << 20


class ConfigError(ValueError):
    """A configuration that cannot be used; its message names the key and is one line."""


def parse(schema: type[T], values: Mapping[str, Any], *, at: str = "") -> T:
    """`values` as a `schema` dataclass, nested ones included.

    An int is taken where a float is asked for; nothing else is converted.

    Raises ConfigError for an unknown key (naming the nearest known one), a missing key, or a value
    of another type.
    """
    hints = get_type_hints(schema)
    fields = {f.name: f for f in dataclasses.fields(schema)}  # type: ignore[arg-type]
    for key in values:
        if key not in fields:
            near = difflib.get_close_matches(key, fields, n=1, cutoff=0.0)
            raise ConfigError(
                f"unknown key '{_path(at, key)}'; the nearest known one is '{near[0]}'"
            )
    made: dict[str, Any] = {}
    for name, field in fields.items():
        if name in values:
            made[name] = _convert(hints[name], values[name], _path(at, name))
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ConfigError(f"'{_path(at, name)}' is missing")
    try:
        return schema(**made)
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(f"{at or 'configuration'}: {error}") from error


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


def _path(at: str, key: str) -> str:
    return f"{at}.{key}" if at else key


def _convert(kind: Any, value: Any, at: str) -> Any:  # noqa: ANN401
    origin = get_origin(kind)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        if not isinstance(value, Mapping):
            raise ConfigError(f"'{at}' must be a table")
        return parse(kind, value, at=at)
    if origin is Literal:
        if value not in get_args(kind):
            raise ConfigError(f"'{at}' must be one of {', '.join(map(str, get_args(kind)))}")
        return value
    if origin in (Union, types.UnionType):
        inner = next(arg for arg in get_args(kind) if arg is not type(None))
        return None if value is None else _convert(inner, value, at)
    if origin is tuple:
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise ConfigError(f"'{at}' must be a list")
        args = get_args(kind)
        if len(args) == 2 and args[1] is Ellipsis:
            return tuple(_convert(args[0], v, f"{at}[{i}]") for i, v in enumerate(value))
        if len(args) != len(value):
            raise ConfigError(f"'{at}' must have {len(args)} values")
        return tuple(_convert(a, v, at) for a, v in zip(args, value, strict=True))
    if isinstance(value, int | float) and not -_LARGEST <= value <= _LARGEST:  # NaN, too
        raise ConfigError(f"'{at}' must be a finite number of at most {_LARGEST:g}")
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ConfigError(f"'{at}' must be {kind.__name__}, not {value!r}")
    return value
