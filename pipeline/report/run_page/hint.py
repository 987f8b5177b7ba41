"""What to try when no face was found and nothing was upscaled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["what_to_try"]

_SEARCH: Final = "auto"


def what_to_try(settings: Mapping[str, object], *, images: int, without: int, upscaled: int) -> str:
    """A sentence for a run of `images`, of which `without` have no face.

    Empty where every image has a face, or where `upscaled` faces or images were upscaled.

    >>> what_to_try({"detector": "hog"}, images=3, without=2, upscaled=0)
    '2 of 3 images have no face and none was upscaled: try --passes 2, or a larger --upscale-below.'
    """
    if not without or upscaled:
        return ""
    advice = "--passes 2, or a larger --upscale-below"
    if settings.get("detector") == _SEARCH:
        advice = "--min-face 4 or a lower --min-score; --detector hog upscales whole images"
    have = "image has" if images == 1 else "images have"
    return f"{without} of {images} {have} no face and none was upscaled: try {advice}."
