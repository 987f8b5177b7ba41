"""Networks by torch.compile: the same images, sooner where many are of one size."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from threading import Lock
from typing import Any, Final

import torch
from torch import Tensor

from data.errors import ModelError
from pipeline.upscalers.inference.network import Network
from pipeline.upscalers.inference.state_dicts import one_line

log: Final = logging.getLogger(__name__)

_SHAPES: Final = 1 << 20
"""More shapes than a run has; beyond its own limit torch would run some of them uncompiled."""


def compiled(network: Network) -> Network:
    """`network` by torch.compile, or as it is, with a warning, unless it is pure.

    Its `run` raises ModelError in one line where torch.compile does not work, as without a C++
    compiler on the CPU; this shows at the first image.
    """
    if not network.pure:
        log.warning("%s is not compiled: it holds random numbers or a state", network.name)
        return network
    return replace(network, run=_Compiled(network.name, network.run))


class _Compiled:
    """A function of one batch, with a graph of its own for every shape.

    One graph for several shapes is fitted to the first that came: the last bit of an image would
    depend on those before it.
    """

    def __init__(self, name: str, run: Callable[[Tensor], Tensor]) -> None:
        self._name = name
        self._known: set[tuple[object, ...]] = set()
        self._lock = Lock()
        try:
            self._run = torch.compile(run, dynamic=False)
        except RuntimeError as error:  # a Python or a system that torch.compile is not for
            raise self._failure(error) from error

    def __call__(self, batch: Tensor) -> Tensor:
        from torch._dynamo.exc import TorchDynamoException

        kind = (*batch.shape, torch.is_autocast_enabled(batch.device.type))
        try:
            if kind in self._known:
                return self._run(batch)
            # one thread compiles, the others take what it made
            with self._lock, _every_shape():
                made = self._run(batch)
        except TorchDynamoException as error:
            raise self._failure(error) from error
        self._known.add(kind)
        return made

    def _failure(self, error: Exception) -> ModelError:
        return ModelError(
            f"{self._name}: torch.compile does not work here (on the CPU it needs a C++ compiler, "
            f"and not every network compiles); leave out --compile: {one_line(error)}"
        )


def _every_shape() -> AbstractContextManager[Any]:
    import torch._dynamo.config as settings

    made: AbstractContextManager[Any] = settings.patch(
        cache_size_limit=_SHAPES, accumulated_cache_size_limit=_SHAPES
    )
    return made
