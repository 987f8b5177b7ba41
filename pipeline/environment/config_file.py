"""Defaults of options from a file, `sr-pipeline.toml` in the working folder."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from data.errors import UsageError

FILE_NAME: Final = "sr-pipeline.toml"
VARIABLE: Final = "SR_PIPELINE_CONFIG"
"""Environment variable that names another file; empty: no file is read."""
FOR_ALL: Final = "defaults"
"""Section whose keys hold for every command that has such an option."""


def read_config() -> dict[str, dict[str, Any]]:
    """Sections and keys of the file; empty where there is none.

    Keys are names of long options, with `-` or `_`. Raises `UsageError` when the file is not TOML,
    holds something beside sections, or is named by the variable and absent.
    """
    named = os.environ.get(VARIABLE)
    path = Path(FILE_NAME if named is None else named)
    if named == "" or (named is None and not path.is_file()):
        return {}
    import tomllib

    from data.regular_files import read_text

    try:
        content = tomllib.loads(read_text(path))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    for name, section in content.items():
        if not isinstance(section, dict):
            raise UsageError(f"{path}: {name!r} stands outside a section such as [detect]")
    return {
        name: {key.replace("-", "_"): value for key, value in section.items()}
        for name, section in content.items()
    }


def defaults_for(
    config: Mapping[str, Mapping[str, Any]], command: str, options: Collection[str]
) -> dict[str, Any]:
    """What the file says about one command, by the options' names without dashes.

    Raises `UsageError` for a key of the command's own section that it has no option for.
    """
    own = config.get(command, {})
    for key in own:
        if key not in options:
            close = get_close_matches(key, options, n=1)
            hint = f", did you mean {close[0]!r}?" if close else ""
            raise UsageError(f"{FILE_NAME}: [{command}] has no option {key!r}{hint}")
    shared = {key: value for key, value in config.get(FOR_ALL, {}).items() if key in options}
    return {**shared, **own}


def check_sections(config: Mapping[str, object], commands: Collection[str]) -> None:
    """Raise `UsageError` for a section that is no command."""
    for name in config:
        if name != FOR_ALL and name not in commands:
            close = get_close_matches(name, [*commands, FOR_ALL], n=1)
            hint = f", did you mean [{close[0]}]?" if close else ""
            raise UsageError(f"{FILE_NAME}: [{name}] is no command{hint}")
