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
    from pipeline.api import *  # noqa: F403 - its `__all__` is the one list of public names


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any public name
    """Load the API on first use: `import sr_pipeline` itself imports nothing.

    `__all__` is that of `pipeline.api`.
    """
    # The import system asks for other dunders: they must not load the API.
    if name == "__all__" or not name.startswith("__"):
        from pipeline import api

        if name == "__all__" or name in api.__all__:
            return getattr(api, name)
    raise AttributeError(f"module 'sr_pipeline' has no attribute {name!r}")


def __dir__() -> list[str]:
    from pipeline import api

    return list(api.__all__)
