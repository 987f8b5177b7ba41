"""The entries of a card are what they should be; a card comes with a file from anywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from gflmser.names import checked_name

_LISTS: Final = ("data", "limits", "earlier")
_LARGEST: Final = 2**53
_WIDEST: Final = 2048
_DEEPEST: Final = 64


def checked_entries(entries: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of a card with its lists as tuples; unknown ones stay as they are.

    Raises ValueError, on one line, for a name that is none and for a value of another kind.
    """
    for key, value in entries.items():
        test = _TESTS.get(key)
        if test is not None and not test(value):
            raise ValueError(f"'{key}' is not what it should be")
    if "name" in entries:
        checked_name(entries["name"])
    if isinstance(entries.get("network"), Mapping):
        check_sizes(entries["network"])
    return {key: tuple(v) if key in _LISTS else v for key, v in entries.items()}


def check_sizes(network: Mapping[str, Any]) -> None:
    """Raise ValueError when a network's sizes are not those of one that fits into memory.

    Depths (blocks, groups, passes) are numbers of up to 64, all others of up to 2,048.
    """
    for key, value in network.items():
        limit = _DEEPEST if key.endswith(("blocks", "groups", "passes")) else _WIDEST
        for size in value if isinstance(value, list | tuple) else (value,):
            if isinstance(size, int | float) and not 0 <= size <= limit:
                raise ValueError(f"'network.{key}' must be from 0 to {limit}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value <= _LARGEST  # NaN fails both


def _is_count(value: object) -> bool:
    return isinstance(value, int) and _is_number(value)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_figures(value: object) -> bool:
    """Text to finite numbers, negative ones too."""
    return isinstance(value, dict) and all(
        isinstance(number, int | float) and -_LARGEST <= number <= _LARGEST
        for number in value.values()
    )


def _is_training(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    loop = value.get("training", {})
    return isinstance(loop, dict) and _is_count(loop.get("batch", 0))


def _all(test: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list | tuple) and all(map(test, value))


def _is_table(value: object) -> bool:
    return isinstance(value, dict)


def _is_role(value: object) -> bool:
    return value in ("whole", "restorer")


def _is_precision(value: object) -> bool:
    return value in ("fp16", "int8")


def _is_earlier(value: object) -> bool:
    needed = {"steps": _is_count, "images": _is_count, "wall_seconds": _is_number}
    tests = {**needed, "cpu_seconds": _is_number}
    return isinstance(value, dict) and all(test(value.get(key)) for key, test in tests.items())


_TESTS: Final[Mapping[str, Callable[[object], bool]]] = {
    "data": _all(lambda value: isinstance(value, dict)),
    "training": _is_training,
    "steps": _is_count,
    "wall_seconds": _is_number,
    "cpu_seconds": _is_number,
    "earlier": _all(_is_earlier),
    "commit": _is_text,
    "made": _is_text,
    "metrics": _is_figures,
    "limits": _all(_is_text),
    "scale": _is_count,
    "sha256": _is_text,
    "method": _is_text,
    "source": _is_text,
    "origin": _is_text,
    "network": _is_table,
    "role": _is_role,
    "precision": _is_precision,
}
