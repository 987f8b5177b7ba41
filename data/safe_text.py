"""Text from outside made safe to print: no control character reaches a terminal or a table."""

from typing import Final

_BIDI: Final = frozenset(
    "\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
"""Characters that reorder what stands beside them, and Unicode's own line ends."""
_FORMULA: Final = ("=", "+", "-", "@")
_ODD_NAMES: Final = (*_FORMULA, "'", "|")


def printable(text: str, *, keep: str = "") -> str:
    r"""Return `text` with every control character written as an escape, such as `\x1b`.

    Surrogates, which stand for bytes of a file name that are no UTF-8, become `\xe9`: the result
    can always be encoded. Characters in `keep` (a newline, say) stay as they are.

    Example: `printable("a\x1b[2Jb\n")` gives `a\\x1b[2Jb\\n`.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c in keep else _shown(c) for c in text)


def one_line(text: object) -> str:
    """Return the text of a message on one line, every control character escaped."""
    return printable(" ".join(str(text).split()))


def safe_cell(text: str) -> str:
    """Return `text` so that no spreadsheet takes it for a formula: an apostrophe goes before it."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def safe_path(path: str) -> str:
    """Return the same path so that no spreadsheet takes it for a formula: `./` goes before it."""
    return f"./{path}" if path.startswith(_ODD_NAMES) else path


def _shown(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # how Python keeps a byte that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    if 0xD800 <= code <= 0xDFFF:
        return f"\\u{code:04x}"
    if char in "\t\n\r":
        return {"\t": "\\t", "\n": "\\n", "\r": "\\r"}[char]
    if code < 0x20 or 0x7F <= code < 0xA0:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if char in _BIDI else char
