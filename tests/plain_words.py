"""Sentences of prose, and how many words each has."""

import re
from collections.abc import Iterator
from typing import Final

MOST_WORDS: Final = 30

_FENCE: Final = re.compile(r"^(```|~~~).*?^\1[^\n]*$", re.MULTILINE | re.DOTALL)
_COMMENT: Final = re.compile(r"<!--.*?-->", re.DOTALL)
_LINK: Final = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_CODE: Final = re.compile(r"`+[^`]*`+")
_BEGINS_BLOCK: Final = re.compile(r"^\s*(#+ |[-*+] |\d+[.)] |>|!!! |\? |\||:::|---)")
_SENTENCE_END: Final = re.compile(r"(?<=[.!?])[\"')*_]*\s+(?=[\"'(*_]*[A-Z0-9])")


def long_sentences(markdown: str, *, most: int = MOST_WORDS) -> list[str]:
    """Sentences of `markdown` with more than `most` words, each with its count in front."""
    return [
        f"{count} words: {sentence}"
        for block in blocks(markdown)
        for sentence in _SENTENCE_END.split(block)
        if (count := words(sentence)) > most
    ]


def blocks(markdown: str) -> Iterator[str]:
    """Paragraphs, list items and headings as one line each; code blocks and tables are left out."""
    text = _COMMENT.sub("", _FENCE.sub("\n", markdown))
    block: list[str] = []
    for line in [*text.splitlines(), ""]:
        if not line.strip() or _BEGINS_BLOCK.match(line):
            if block:
                yield _plain(" ".join(block))
            block = []
        if line.strip() and not line.lstrip().startswith(("|", ":::", "---")):
            block.append(line.strip())


def words(sentence: str) -> int:
    """Words of `sentence`: what stands between spaces and holds a letter or a digit."""
    return sum(any(map(str.isalnum, word)) for word in sentence.split())


def _plain(text: str) -> str:
    """`text` with links as their text and each piece of code as one word."""
    return _CODE.sub("Code", _LINK.sub(r"\1", text))
