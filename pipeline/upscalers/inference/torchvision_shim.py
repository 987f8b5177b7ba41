"""Importing torchvision beside a torch that it was not built for.

spandrel needs two pure-Python functions of torchvision. A torchvision whose compiled part does not
fit the installed torch (the CUDA wheel beside a CPU torch) fails on import. It registers shapes for
two operators that were never loaded. Declared without a kernel, they let the import
pass; calling one still raises, as it should.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Final

import torch

_SCHEMAS: Final = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_libraries: list[torch.library.Library] = []


@cache
def import_torchvision() -> None:
    """Import torchvision, declaring its operators first if they are missing.

    Any other failure of the import is raised as it is.
    """
    try:
        import_module("torchvision")
    except RuntimeError as error:
        if "operator torchvision::" not in str(error):
            raise
        _declare()
        import_module("torchvision")


def _declare() -> None:
    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for schema in _SCHEMAS:
        if not hasattr(torch.ops.torchvision, schema.partition("(")[0]):
            library.define(schema)  # type: ignore[no-untyped-call]
    # a library takes its declarations with it when it is collected
    _libraries.append(library)
