"""The import name of sr-pipeline: `import sr_pipeline as sr`.

Example:
    >>> import sr_pipeline as sr
    >>> hr, lr = sr.degrade("data/samples/obama.jpg")
    >>> lr.shape
    (16, 16, 3)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.api import (
        Box,
        Face,
        Gallery,
        SrPipelineError,
        compare,
        degrade,
        detect,
        draw_faces,
        evaluate,
        identify,
        load_detector,
        load_image,
        load_upscaler,
        to_frame,
        upscale,
    )

__all__ = [
    "Box",
    "Face",
    "Gallery",
    "SrPipelineError",
    "compare",
    "degrade",
    "detect",
    "draw_faces",
    "evaluate",
    "identify",
    "load_detector",
    "load_image",
    "load_upscaler",
    "to_frame",
    "upscale",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any public name
    """Load the API on first use: `import sr_pipeline` itself imports nothing."""
    if name not in __all__:
        raise AttributeError(f"module 'sr_pipeline' has no attribute {name!r}")
    from pipeline import api

    return getattr(api, name)


def __dir__() -> list[str]:
    return list(__all__)
