"""The page of the commands, made from click's own description of them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import click

_INTRO = """# Commands

This page is made from the `--help` of each command.

Data goes to stdout, logs and progress go to stderr. Exit codes:

| code | meaning |
| --: | --- |
| 0 | everything was done |
| 1 | some images failed; they are listed, the others are done |
| 2 | wrong usage, or nothing to do |
| 3 | an internal error; `--debug` shows the traceback |
| 130 | interrupted; `--resume` goes on |
"""


def commands_page() -> str:
    """Markdown with a section for every command and subcommand that is installed."""
    from pipeline.cli import cli

    return "\n".join([_INTRO, *_sections(cli, "sr-pipeline", 2)])


def _sections(group: click.Group, prefix: str, level: int) -> Iterator[str]:
    context = click.Context(group, info_name=prefix)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        path = f"{prefix} {name}"
        yield f"{'#' * level} {path.removeprefix('sr-pipeline ')}\n"
        yield _help_text(command)
        if isinstance(command, click.Group):
            yield from _sections(command, path, level + 1)
        else:
            inner = click.Context(command, info_name=path)
            yield f"```text\n{command.get_usage(inner)}\n```\n"
            yield _table(command, inner)


def _help_text(command: click.Command) -> str:
    """The help as Markdown: what follows click's no-wrap mark becomes a code block."""
    text = inspect.cleandoc(command.help or command.short_help or "")
    blocks = [block for block in re.split(r"\n\s*\n", text) if block.strip()]
    return "\n\n".join(map(_block, blocks)) + "\n"


def _block(block: str) -> str:
    if not block.startswith("\b"):
        return block
    title, *lines = block.lstrip("\b\n").splitlines()
    code = inspect.cleandoc("\n".join(lines)) if lines else ""
    return f"{title}\n\n```bash\n{code}\n```"


def _table(command: click.Command, context: click.Context) -> str:
    rows = [
        f"| {_cell(', '.join(f'`{name}`' for name in param.opts))} "
        f"| {_cell(_meaning(param, context))} |"
        for param in command.get_params(context)
        if isinstance(param, click.Option) and param.name != "help"
    ]
    return "\n".join(["| option | meaning |", "| --- | --- |", *rows, ""]) if rows else ""


def _meaning(option: click.Option, context: click.Context) -> str:
    parts = [option.help or ""]
    kind = option.type
    if isinstance(kind, click.Choice):
        parts.append(" One of " + ", ".join(f"`{choice}`" for choice in kind.choices) + ".")
    if option.required:
        parts.append(" Required.")
    default = option.to_info_dict()["default"]
    shown = isinstance(default, str | int | float) and not isinstance(default, bool)
    if option.show_default and shown and default != "":
        parts.append(f" Default: `{default}`.")
    return "".join(parts).strip()


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
