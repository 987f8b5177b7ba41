"""Any weight file that spandrel reads (ESRGAN, Real-ESRGAN, SwinIR, GFPGAN ...) as a network."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional

from data.errors import ModelError
from gflmser.names import name_of_file
from pipeline.names import Precision
from pipeline.upscalers.inference.network import Network
from pipeline.upscalers.inference.out_of_memory import is_out_of_memory
from pipeline.upscalers.inference.state_dicts import one_line, read_state
from pipeline.upscalers.inference.torchvision_shim import import_torchvision

_CHANNELS_LAST: Final = frozenset({"ESRGAN", "Compact"})
"""Plain convolutions, 1.4 times as fast in this layout; others may fail on it (GFPGAN does)."""
_FACE: Final = 512
"""Side of the aligned face that GFPGAN and RestoreFormer were made for."""
_FACE_SCALE: Final = 4
_DEEPEST: Final = 4096
"""No network has more layers in a row; spandrel takes the largest number for their count."""


def load_network(path: Path, device: torch.device) -> Network:
    """Build the network whose weights are in `path`.

    Pickles are read by torch's restricted unpickler only (tensors and plain containers, no code);
    TorchScript is refused. Raises ModelError in one line when the file cannot be read, is no
    architecture that spandrel knows, or is a network for something else.
    """
    state = read_state(path)
    _check_depth(state, path.name)
    import_torchvision()
    import spandrel

    try:
        descriptor = spandrel.ModelLoader(device).load_from_state_dict(
            spandrel.canonicalize_state_dict(state)
        )
    except spandrel.UnsupportedModelError as error:
        raise ModelError(f"{path.name}: no architecture that spandrel knows") from error
    except Exception as error:  # sizes are deduced from an arbitrary file; anything may be raised
        raise ModelError(f"{path.name}: spandrel cannot build it: {one_line(error)}") from error
    if not isinstance(descriptor, spandrel.ImageModelDescriptor):
        raise ModelError(f"{path.name}: {descriptor.architecture.name} only fills holes")
    descriptor.eval()
    return _network(name_of_file(path.stem), descriptor)


def _check_depth(state: Mapping[str, object], name: str) -> None:
    """Refuse tensor names whose numbers would make spandrel build layers without end."""
    deepest = max((int(n[:9]) for key in state for n in re.findall(r"\d+", str(key))), default=0)
    if deepest > _DEEPEST:
        raise ModelError(f"{name}: a tensor's name asks for {deepest} layers or more")


def _network(name: str, descriptor: Any) -> Network:  # noqa: ANN401
    face = descriptor.purpose == "FaceSR"
    run = _through_channels(_laid_out(_Batches(descriptor), descriptor), descriptor, name)
    precisions: set[Precision] = {"fp32"}
    if descriptor.supports_half:
        precisions.add("fp16")
    if descriptor.supports_bfloat16:
        precisions.add("bf16")
    requirements = descriptor.size_requirements
    return Network(
        name=name,
        scale=_FACE_SCALE if face else descriptor.scale,
        run=_as_face(run) if face else run,
        multiple=requirements.multiple_of,
        tile_factor=0 if face or requirements.square else _tile_factor(descriptor),
        batched=not face and requirements.minimum <= 64,
        precisions=frozenset(precisions),
    )


def _tile_factor(descriptor: Any) -> int:  # noqa: ANN401
    import spandrel

    factors = {
        spandrel.ModelTiling.SUPPORTED: 1,
        spandrel.ModelTiling.DISCOURAGED: 4,
        spandrel.ModelTiling.INTERNAL: 0,
    }
    return factors[descriptor.tiling]


def _laid_out(run: Callable[[Tensor], Tensor], descriptor: Any) -> Callable[[Tensor], Tensor]:  # noqa: ANN401
    """`run` in the memory layout that its architecture bears; batches arrive as channels_last."""
    if descriptor.architecture.id in _CHANNELS_LAST:
        descriptor.model.to(memory_format=torch.channels_last)
        return run
    return lambda batch: run(batch.contiguous())


class _Batches:
    """A descriptor on batches: spandrel promises one image in a call, most take many.

    The first batch is compared with its last image alone, and done one by one if it differs.
    """

    def __init__(self, descriptor: Callable[[Tensor], Tensor]) -> None:
        self._descriptor = descriptor
        self._whole: bool | None = None

    def __call__(self, batch: Tensor) -> Tensor:
        if len(batch) == 1 or self._whole is False:
            return torch.cat([self._descriptor(image) for image in torch.split(batch, 1)])
        if self._whole is None:
            self._whole = self._try(batch)
            return self(batch)
        return self._descriptor(batch)

    def _try(self, batch: Tensor) -> bool:
        alone = self._descriptor(batch[-1:])
        try:
            together = self._descriptor(batch)
        except Exception as error:
            if is_out_of_memory(error):
                raise
            return False
        same = together.shape == (len(batch), *alone.shape[1:])
        return same and torch.allclose(together[-1:].float(), alone.float(), atol=0.01)


def _through_channels(
    run: Callable[[Tensor], Tensor],
    descriptor: Any,  # noqa: ANN401
    name: str,
) -> Callable[[Tensor], Tensor]:
    """`run` on RGB whatever channels it takes: grey each apart, alpha opaque and dropped."""
    channels = (descriptor.input_channels, descriptor.output_channels)
    if channels == (3, 3):
        return run
    if channels == (1, 1):
        return lambda batch: (made := run(batch.flatten(0, 1)[:, None])).reshape(
            -1, 3, *made.shape[-2:]
        )
    if channels == (4, 4):
        return lambda batch: run(torch.cat([batch, torch.ones_like(batch[:, :1])], 1))[:, :3]
    raise ModelError(f"{name}: {channels[0]} to {channels[1]} channels is not for RGB")


def _as_face(run: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """A face restorer as a four-times upscaler: the image is the face, enlarged to 512x512.

    Its generator draws noise; the seed is fixed, so that an image has one result.
    """

    def restore(batch: Tensor) -> Tensor:
        height, width = batch.shape[-2:]
        face = functional.interpolate(batch, (_FACE, _FACE), mode="bicubic", antialias=True)
        devices = [batch.device] if batch.device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            torch.manual_seed(0)
            made = run(face.clamp(0, 1)).float()
        size = (height * _FACE_SCALE, width * _FACE_SCALE)
        return functional.interpolate(made, size, mode="bicubic", antialias=True)

    return restore
