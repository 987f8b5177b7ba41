"""Names that weights and trainings give themselves; they become names of files and of columns."""

from __future__ import annotations

import re
from typing import Final

_NAME: Final = re.compile(r"[A-Za-z0-9._+-]{1,64}")
_FOREIGN: Final = re.compile(r"[^A-Za-z0-9._+-]+")


def checked_name(name: object) -> str:
    """Return `name` if it is 1 to 64 of the characters A-Z a-z 0-9 . _ + -, else ValueError.

    `.`, `..` and names that begin with a dash, which a command would take for an option, are none.
    """
    if (
        not isinstance(name, str)
        or not _NAME.fullmatch(name)
        or name[0] == "-"
        or not name.strip(".")
    ):
        shown = ascii(name)[:80]
        raise ValueError(f"the name {shown} is not 1 to 64 of the characters A-Z a-z 0-9 . _ + -")
    return name


def name_of_file(stem: str) -> str:
    """Return a name made of a file's stem: foreign characters become `_`, the end is cut off."""
    name = _FOREIGN.sub("_", stem).lstrip("-")[:64]
    return name if name.strip(".") else "weights"


def clean(text: str) -> str:
    """Return `text` on one line, each character that is not printable as an escape."""
    line = " ".join(text.split())
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)
