"""A sentence has at most 30 words: in documents, `--help`, error messages and docstrings."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from pipeline.cli import cli
from tests.plain_words import long_sentences, words

ROOT = Path(__file__).resolve().parents[1]
_ARGUMENT = re.compile(r"^ {4}(\w+: )", re.MULTILINE)
PACKAGES = ("gflmser", "data", "pipeline", "benchmarks")
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    ROOT / "benchmarks" / "README.md",
    ROOT / "data" / "weights" / "README.md",
    *(
        file
        for file in sorted((ROOT / "docs").rglob("*.md"))
        if "lab-notes" not in file.parts and "results" not in file.parts
    ),
]


def _commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from _commands(command, f"{path} {name}")


COMMANDS = dict(_commands(cli, "sr-pipeline")) | {"sr-pipeline": cli}


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_documents_have_short_sentences(file: Path) -> None:
    assert long_sentences(file.read_text("utf-8")) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_short_sentences(name: str) -> None:
    command = COMMANDS[name]
    prose = (command.help or "").partition("\b")[0]
    options = [option.help or "" for option in command.params if isinstance(option, click.Option)]
    texts = [prose, command.short_help or "", *options]
    assert [line for text in texts for line in long_sentences(text)] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_error_messages_have_short_sentences(package: str) -> None:
    found = [
        f"{file.relative_to(ROOT)}:{line}: {long}"
        for file in sorted((ROOT / package).rglob("*.py"))
        for line, text in _messages(ast.parse(file.read_text("utf-8")))
        for long in long_sentences(text)
    ]
    assert found == []


@pytest.mark.parametrize("package", PACKAGES)
def test_docstrings_have_short_sentences(package: str) -> None:
    found = [
        f"{file.relative_to(ROOT)}: {long}"
        for file in sorted((ROOT / package).rglob("*.py"))
        for text in _docstrings(ast.parse(file.read_text("utf-8")))
        for long in long_sentences(text)
    ]
    assert found == []


def _docstrings(tree: ast.AST) -> Iterator[str]:
    """Every docstring without its code blocks, which are indented below an empty line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            text = _ARGUMENT.sub(r"- \1", ast.get_docstring(node) or "")
            parts = text.split("\n\n")
            yield "\n\n".join(part for part in parts if not part.startswith(("    ", ">>> ")))


def _messages(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and text of each message that is raised; what is filled in counts as one word."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)):
            continue
        for argument in node.exc.args:
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield node.lineno, argument.value
            if isinstance(argument, ast.JoinedStr):
                yield node.lineno, "".join(map(_part, argument.values))


def _part(part: ast.expr) -> str:
    return str(part.value) if isinstance(part, ast.Constant) else "X"


def test_a_long_sentence_is_seen() -> None:
    long = " ".join(["Word", *["word"] * 30]) + "."
    assert long_sentences(f"# Title\n\nShort one. {long}\n") == [f"31 words: {long}"]
    assert long_sentences(f"```\n{long}\n```\n\n| {long} |\n") == []
    assert words("a `b` – 0.5 / c") == 4


def test_the_readme_is_at_most_150_lines() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 150
