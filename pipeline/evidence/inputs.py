"""What evidence.json states of each input image; taken while the image is read."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from data.errors import UsageError
from data.images.rgb import RGB
from pipeline.evidence.hashes import file_sha256, image_sha256
from pipeline.inputs.sources import Source

INPUT: Final = "input"
"""Key of a journal row under which the first row of an image keeps the image's entry."""
_REFUSED_BYTES: Final = 1 << 30
"""A larger file that could not be read as an image is not read once more for its hash."""


def input_entry(source: Source, used: RGB | None, size: tuple[int, int] | None) -> dict[str, Any]:
    """The entry of one input image.

    `used` holds the decoded pixels that the run worked on, `size` the width and height of the whole
    image. Both are None for an image that could not be read: the hash of its file is stated where
    there is a file.
    """
    entry: dict[str, Any] = {"key": source.key, "path": str(source.path.absolute())}
    with suppress(OSError, UsageError):
        size_bytes = source.path.stat().st_size
        if source.path.is_file() and (used is not None or size_bytes <= _REFUSED_BYTES):
            entry["bytes"] = size_bytes
            entry["sha256"] = file_sha256(source.path)
    if used is not None and size is not None:
        entry["output"] = source.output
        entry["image_sha256"] = image_sha256(used)
        entry["width"], entry["height"] = size
    if source.region is not None:
        region = source.region
        edges = (region.left, region.top, region.right, region.bottom)
        entry["region"] = [round(edge) for edge in edges]
    return entry
