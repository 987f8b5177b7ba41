"""Numbers in sentences."""


def counted(number: int, noun: str) -> str:
    """`1 image`, `2 images`: a number with its noun."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
