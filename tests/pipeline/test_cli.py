"""Every command says how it is used."""

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from pipeline.cli import cli


def _commands(group: click.Group, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        yield (*path, name)
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))


@pytest.mark.parametrize("path", list(_commands(cli, ())), ids=" ".join)
def test_help_has_an_example(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(cli, [*path, "--help"])
    assert result.exit_code == 0
    told = result.output.replace("Examples:\n", "Example:\n")
    example = told.partition("Example:\n")[2].partition("\n\n")[0]
    lines = [line.strip() for line in example.splitlines()]
    assert any(line.startswith(" ".join(("sr-pipeline", *path))) for line in lines)
