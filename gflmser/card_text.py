"""JSON that people read: short containers stay on one line, so that a card fits on a screen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

_WIDTH: Final = 200


def card_text(value: Any, indent: int = 0) -> str:  # noqa: ANN401 - any JSON value
    """`value` as JSON of lines of at most 200 characters, where strings allow it.

    >>> card_text({"seed": 1, "crops": [1.0, 0.55]})
    '{"seed": 1, "crops": [1.0, 0.55]}'
    """
    flat = json.dumps(value)
    if not isinstance(value, Mapping | list) or (indent and len(flat) + indent <= _WIDTH):
        return flat
    if isinstance(value, Mapping):
        parts = [_entry(key, entry, indent + 2) for key, entry in value.items()]
    else:
        parts = [card_text(entry, indent + 2) for entry in value]
    space = " " * (indent + 2)
    body = f",\n{space}".join(_filled(parts, _WIDTH - indent - 3) if indent else parts)
    first, last = ("{", "}") if isinstance(value, Mapping) else ("[", "]")
    return f"{first}\n{space}{body}\n{' ' * indent}{last}"


def _entry(key: object, value: Any, indent: int) -> str:  # noqa: ANN401 - any JSON value
    name = f"{json.dumps(str(key))}: "
    flat = json.dumps(value)
    if len(name) + len(flat) + indent <= _WIDTH:
        return name + flat
    return name + card_text(value, indent)


def _filled(parts: list[str], width: int) -> list[str]:
    """As many parts on a line as fit; a part of several lines has its own."""
    lines: list[str] = []
    for part in parts:
        joined = f"{lines[-1]}, {part}" if lines else part
        if lines and "\n" not in joined and len(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(part)
    return lines
