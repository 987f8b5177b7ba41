"""What a format of annotations is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from data.annotations.record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotationFormat:
    """How annotated boxes are written in a file.

    Packages add theirs by the entry point `sr_pipeline.annotations`.

    >>> AnnotationFormat(name="none", read=lambda path: iter(()), recognises=bool).name
    'none'
    """

    name: str
    """How `--truth-format` calls it."""
    read: Callable[[Path], Iterator[Record]]
    """One record for each box, and one without sides for an image without a face.

    Raises TruthError, by `fail`, naming file and line.
    """
    recognises: Callable[[str], bool]
    """Whether the text of a file, without leading space, is of this format."""
