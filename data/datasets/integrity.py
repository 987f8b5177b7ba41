"""Whether an image is one, told from its two ends: fast enough for every file of a dataset."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final

from PIL import Image, ImageFile, UnidentifiedImageError

from data.images.files import MAX_BYTES, image_formats
from data.prepared import DatasetImage
from data.regular_files import FileBytes, open_regular

_ENDS: Final = {"JPEG": b"\xff\xd9", "MPO": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82"}
_LONGEST_END: Final = 8


def fault(image: DatasetImage) -> str | None:
    """What is wrong with an image, on one line; None where nothing is.

    The header is read, and whether the file ends as its format does. Only where it does not, or
    where the format has no end mark, is the image decoded. Damage between the two ends of a JPEG
    or PNG is not seen.
    """
    path = _file_of(image)
    try:
        if path is None:
            return _fault(BytesIO(image.read()))
        with open_regular(path, limit=MAX_BYTES) as file:
            return _fault(file)
    except (OSError, ValueError) as error:
        return f"cannot be read: {_one_line(error)}"


def size(path: Path) -> tuple[int, int] | None:
    """Width and height from the header alone; None where there is no such image."""
    try:
        with (
            open_regular(path, limit=MAX_BYTES) as file,
            Image.open(file, formats=image_formats()) as image,
        ):
            return image.size
    except (OSError, ValueError, Image.DecompressionBombError):
        return None


def _file_of(image: DatasetImage) -> Path | None:
    return image.read.path if isinstance(image.read, FileBytes) else None


def _fault(file: BinaryIO) -> str | None:
    length = file.seek(0, os.SEEK_END)
    if length == 0:
        return "empty file"
    file.seek(max(0, length - _LONGEST_END))
    tail = file.read()
    file.seek(0)
    try:
        with Image.open(file, formats=image_formats()) as image:
            end = _ENDS.get(image.format or "")
            if end is None or not tail.endswith(end):
                # face_recognition sets this for the whole process: half an image would pass.
                ImageFile.LOAD_TRUNCATED_IMAGES = False
                image.load()
    except UnidentifiedImageError:
        return "not an image that Pillow can read"
    # Pillow's decoders raise almost anything on damaged files (SyntaxError, struct.error, ...).
    except Exception as error:
        return f"damaged image: {_one_line(error)}"
    return None


def _one_line(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split()) or type(error).__name__
