"""Types of options: every number is finite and within a range, every path has a name."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any, Final

import click

from data.regular_files import check_regular, reason

_ANY_SIZE: Final = 1 << 62


class FiniteRange(click.FloatRange):
    """A number within a range; NaN, which no comparison refuses, and infinity are none."""

    def convert(
        self,
        value: Any,  # noqa: ANN401
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:  # noqa: ANN401
        """The number; click's usage error for anything else."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


class NamedPath(click.Path):
    """A path that is not empty: an unset variable of a shell does not mean this folder.

    What has to exist is a regular file or a folder: a pipe would be waited for.
    """

    def convert(
        self,
        value: Any,  # noqa: ANN401
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:  # noqa: ANN401
        """The path; click's usage error for none."""
        _check_path(self, str(value), param, ctx)
        try:
            Path(os.fsdecode(value)).is_dir()  # False where there is nothing
        except OSError as error:
            self.fail(f"{click.format_filename(value)[:80]!r}: {reason(error)}", param, ctx)
        path = super().convert(value, param, ctx)
        found = Path(os.fsdecode(path))
        if self.exists and not found.is_dir():
            try:
                check_regular(found, limit=_ANY_SIZE)
            except OSError as error:
                self.fail(f"{click.format_filename(path)!r}: {reason(error)}", param, ctx)
        return path


class InputText(click.ParamType):  # type: ignore[type-arg]  # click 8.1 takes none
    """A file, folder, glob or `-`; text, for it may name nothing that exists."""

    name = "text"

    def convert(
        self,
        value: Any,  # noqa: ANN401
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> str:
        """The text; click's usage error where it is empty."""
        _check_path(self, str(value), param, ctx)
        return str(value)


def _check_path(
    kind: click.ParamType[Any], text: str, param: click.Parameter | None, ctx: click.Context | None
) -> None:
    if not text.strip():
        kind.fail("an empty path (a variable that is not set?)", param, ctx)
    if "\0" in text:
        kind.fail("a path with a NUL in it", param, ctx)


INPUT = InputText()
SEED = click.IntRange(0, 2**32 - 1)
WORKERS = click.IntRange(0, 512)
