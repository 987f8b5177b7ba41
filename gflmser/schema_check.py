"""What msgspec does not check of a configuration: keys, names of choices, sizes of numbers."""

from __future__ import annotations

import dataclasses
import difflib
import types
from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from gflmser.names import clean

_LARGEST: Final = 10**15
"""The largest number that a configuration may hold."""


class ConfigError(ValueError):
    """A configuration that cannot be used; its message names the key and is one line."""

    def __str__(self) -> str:
        return clean(super().__str__())


def check(kind: Any, value: Any, at: str, *, method: str | None) -> None:  # noqa: ANN401
    """Raise ConfigError for what of `value`, to be read as a `kind`, cannot be; `at` is its path.

    A field with the metadata `{"method": NAME}` is for configurations of that method alone.
    Types are left to msgspec.
    """
    if get_origin(kind) in (Union, types.UnionType) and value is not None:
        kind = next(arg for arg in get_args(kind) if arg is not type(None))
    if dataclasses.is_dataclass(kind) and isinstance(kind, type) and isinstance(value, Mapping):
        _check_table(kind, value, at, method)
    elif get_origin(kind) is Literal and value not in get_args(kind):
        raise ConfigError(f"'{at}' must be one of {', '.join(map(str, get_args(kind)))}")
    elif get_origin(kind) is tuple and isinstance(value, list | tuple):
        for index, (item, inner) in enumerate(zip(value, _items(kind), strict=False)):
            check(inner, item, f"{at}[{index}]", method=method)
    elif isinstance(value, int | float) and not -_LARGEST <= value <= _LARGEST:  # NaN, too
        raise ConfigError(f"'{at}' must be a finite number of at most {_LARGEST:g}")


def _check_table(kind: type, table: Mapping[str, Any], at: str, method: str | None) -> None:
    hints = get_type_hints(kind)
    fields = {f.name: f for f in dataclasses.fields(kind)}
    for key, value in table.items():
        path = f"{at}.{key}" if at else str(key)
        if key not in fields:
            near = difflib.get_close_matches(key, fields, n=1, cutoff=0.0)
            raise ConfigError(f"unknown key '{path}'; the nearest known one is '{near[0]}'")
        owner = fields[key].metadata.get("method", method)
        if method is not None and owner != method:
            raise ConfigError(f"'{path}' is a key of the method {owner}, not of {method}")
        check(hints[key], value, path, method=method)


def _items(kind: Any) -> Iterator[Any] | Sequence[Any]:  # noqa: ANN401
    args = get_args(kind)
    return repeat(args[0]) if len(args) == 2 and args[1] is Ellipsis else args
