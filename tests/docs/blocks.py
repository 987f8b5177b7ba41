"""Code blocks of the documents: what language, whether marked to be run, and their text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_BLOCK: Final = re.compile(
    r"(?:<!-- (?P<mark>[^>]+) -->\n)?^```(?P<language>\w+)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block; `mark` is the HTML comment in front of it, empty without one."""

    language: str
    mark: str
    code: str


def blocks_of(file: Path) -> Iterator[Block]:
    """Every fenced block of a Markdown file that names its language, in order."""
    for found in _BLOCK.finditer(file.read_text("utf-8")):
        yield Block(found["language"], found["mark"] or "", found["code"])


def commands_of(code: str) -> Iterator[list[str]]:
    """Words of each `sr-pipeline` call of a shell block, without the program's own name."""
    import shlex

    for line in code.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["sr-pipeline"]:
            yield words[1:]
