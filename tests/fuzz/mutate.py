"""Seeded damage: bytes changed, cut out, repeated; text with values that nobody expects."""

import random
from collections.abc import Sequence
from typing import Final

WORDS: Final = (
    *("", " ", "0", "-1", "nan", "inf", "-inf", "1e400", "9" * 40, "9" * 5000, "0x10", "1_0"),
    *("true", "null", "None", "\x1b]0;owned\x07", "a\nb", "a\rb", "\0", "=1+1", "@x", "../../evil"),
    *("/etc/passwd", "%s%n", "'", '"', "\\", ",", ";", "\t", "[", "{", "[" * 3000, "\ufeff", "é"),
    *("\u202egnp.exe", "x" * 300, "<img src=x onerror=alert(1)>", "18446744073709551616"),
)
"""Values for cells, options and keys."""


def bytes_of(rng: random.Random, content: bytes) -> bytes:
    """`content` with one to thirty places damaged."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4, 10, 30))):
        if not data:
            data += rng.randbytes(8)
        at = rng.randrange(len(data))
        how = rng.randrange(7)
        if how == 0:
            data[at] = rng.randrange(256)
        elif how == 1:
            data[at] ^= 1 << rng.randrange(8)
        elif how == 2:
            del data[at : at + rng.choice((1, 4, 64, 4096))]
        elif how == 3:
            data[at:at] = rng.randbytes(rng.choice((1, 4, 64)))
        elif how == 4:
            data[at : at + 4] = rng.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff"))
        elif how == 5:
            data[at:at] = data[at : at + rng.choice((1, 16, 256))]
        else:
            del data[at:]
    return bytes(data)


def text_of(rng: random.Random, text: str) -> bytes:
    """`text` with words exchanged for hostile ones, or damaged as bytes."""
    if rng.random() < 0.4:
        return bytes_of(rng, text.encode())
    cells = _pieces(text)
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(cells))
        cells[at] = rng.choice(WORDS)
    return "".join(cells).encode("utf-8", "surrogatepass")


def _pieces(text: str) -> list[str]:
    pieces, word = [], ""
    for char in text:
        if char in ',;\n\t<>="[]{}: ':
            pieces += [word, char] if word else [char]
            word = ""
        else:
            word += char
    return [*pieces, word] if word else pieces


def pick(rng: random.Random, values: Sequence[str]) -> str:
    """One of `values`, or one of the hostile words."""
    return rng.choice(values) if rng.random() < 0.5 else rng.choice(WORDS)
