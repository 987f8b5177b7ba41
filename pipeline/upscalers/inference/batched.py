"""Many images through one network: grouped by size, batched, tiled, cut down when memory ends."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import product
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from data.errors import ModelError, UsageError
from data.images.rgb import RGB
from pipeline.environment.devices import check_precision
from pipeline.upscalers.base import LoadOptions
from pipeline.upscalers.inference.back_projection import back_projected
from pipeline.upscalers.inference.batch_plan import Plan, first_plan, round_up
from pipeline.upscalers.inference.network import Network
from pipeline.upscalers.inference.out_of_memory import is_out_of_memory, release
from pipeline.upscalers.inference.thread_pool import SideBySide
from pipeline.upscalers.inference.tiles import cuts
from pipeline.upscalers.inference.torch_compile import compiled

log: Final = logging.getLogger(__name__)

_TYPES: Final = {"bf16": torch.bfloat16, "fp16": torch.float16}


class NetworkUpscaler:
    """An `Upscaler` around a network.

    The result for an image depends on the image and on the machine, not on its neighbours nor on
    the batch size (see `plan`). When memory runs out, the batch is halved and later the image
    tiled; this is logged, and then only the last bit may differ.
    """

    def __init__(self, network: Network, device: torch.device, options: LoadOptions) -> None:
        check_precision(device, options.precision)
        if options.precision not in network.precisions:
            known = ", ".join(sorted(network.precisions))
            raise ModelError(f"{network.name} works in {known}, not in {options.precision}")
        if options.batch_size < 1:
            raise UsageError(f"batch size {options.batch_size} is below 1")
        if options.tile and options.tile <= 2 * options.overlap:
            raise UsageError(f"tile {options.tile} is too small for an overlap {options.overlap}")
        self.name = network.name
        self.scale = network.scale
        self.oracle = network.oracle
        quick = compiled(network) if options.compiled else network
        self._network = back_projected(quick) if options.consistent else quick
        self._device = device
        self._options = options
        self._plans: dict[tuple[int, int], Plan] = {}
        self._warned = False
        if options.threads is not None:
            torch.set_num_threads(options.threads)
        self._side_by_side = SideBySide(torch.get_num_threads())

    @torch.inference_mode()
    def __call__(self, images: Sequence[RGB]) -> list[RGB]:
        """As `Upscaler.__call__`.

        Raises ModelError when one image does not fit into memory even in tiles, or when the
        network gives something that is not a number.
        """
        results: dict[int, RGB] = {}
        groups: dict[tuple[int, int], list[int]] = defaultdict(list)
        for index, image in enumerate(images):
            groups[image.shape[0], image.shape[1]].append(index)
        for (height, width), indices in groups.items():
            left = indices
            while left:
                now = left[: self._plan(height, width).batch]
                restored = self._fitting(np.stack([images[i] for i in now]))
                results.update(zip(now, restored, strict=True))
                left = left[len(now) :]
        return [results[index] for index in range(len(images))]

    def _plan(self, height: int, width: int) -> Plan:
        if (height, width) not in self._plans:
            self._plans[height, width] = first_plan(
                height, width, self._network, self._options, self._device.type
            )
        return self._plans[height, width]

    def _fitting(self, stack: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Restore a stack of images of one size, with less at a time if memory runs out."""
        height, width = stack.shape[1:3]
        while True:
            plan = self._plan(height, width)
            try:
                return np.concatenate(
                    [
                        self._transfer(stack[at : at + plan.batch], plan)
                        for at in range(0, len(stack), plan.batch)
                    ]
                )
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
            # outside of `except`, where the traceback no longer keeps the tensors alive
            release(self._device)
            smaller = plan.smaller(max(height, width), self._network)
            if smaller is None:
                raise ModelError(
                    f"{self.name}: not enough memory on {self._device} for one {width}x{height} "
                    "image"
                )
            log.warning("%s: out of memory; going on with %s", self.name, _words(smaller))
            self._plans[height, width] = smaller

    def _transfer(self, stack: NDArray[np.uint8], plan: Plan) -> NDArray[np.uint8]:
        """To the device, through the network, and back in one copy."""
        host = torch.from_numpy(stack)
        cuda = self._device.type == "cuda"
        there = (host.pin_memory() if cuda else host).to(self._device, non_blocking=cuda)
        made = self._tiled(there, plan) if plan.tile else self._passes(there, plan)
        if not cuda:
            return np.ascontiguousarray(made.cpu().numpy())
        back = torch.empty(made.shape, dtype=torch.uint8, pin_memory=True)
        back.copy_(made, non_blocking=True)
        torch.cuda.current_stream(self._device).synchronize()
        # out of the pinned buffer, which is precious
        return back.numpy().copy()

    def _tiled(self, stack: Tensor, plan: Plan) -> Tensor:
        """Every image cut into tiles of one size, these restored together, the middles joined."""
        return torch.stack([self._tiled_one(image, plan) for image in stack])

    def _tiled_one(self, image: Tensor, plan: Plan) -> Tensor:
        height, width = image.shape[:2]
        multiple, scale = self._network.multiple, self.scale
        padded = _pad(image, round_up(height, multiple), round_up(width, multiple))
        rows = cuts(padded.shape[0], plan.tile, plan.overlap, multiple)
        columns = cuts(padded.shape[1], plan.tile, plan.overlap, multiple)
        places = list(product(rows, columns))
        canvas = image.new_empty((padded.shape[0] * scale, padded.shape[1] * scale, 3))
        for at in range(0, len(places), plan.per_pass):
            now = places[at : at + plan.per_pass]
            tiles = [padded[r.start :, c.start :][: plan.tile, : plan.tile] for r, c in now]
            made = self._passes(torch.stack(tiles), plan)
            for (row, column), tile in zip(now, made, strict=True):
                canvas[row.kept(scale), column.kept(scale)] = tile[
                    row.kept_of_tile(scale), column.kept_of_tile(scale)
                ]
        return canvas[: height * scale, : width * scale]

    def _passes(self, stack: Tensor, plan: Plan) -> Tensor:
        """`(N, H, W, 3)` uint8 to `(N, H * scale, W * scale, 3)` uint8, on the device."""
        result, fine = self._run(stack, plan, self._options.precision != "fp32")
        if not bool(fine.all()):
            self._redo(stack, result, plan, fine)
        return result

    def _run(self, stack: Tensor, plan: Plan, reduced: bool) -> tuple[Tensor, Tensor]:
        """All passes over a stack; pixels, and which images are finite."""

        def one(part: Tensor) -> tuple[Tensor, Tensor]:
            return self._one_pass(part, plan, reduced)

        parts = torch.split(stack, plan.per_pass)
        done = self._side_by_side.map(one, parts) if plan.side_by_side else list(map(one, parts))
        made, finite = zip(*done, strict=True)
        return torch.cat(made), torch.cat(finite)

    def _redo(self, stack: Tensor, result: Tensor, plan: Plan, fine: Tensor) -> None:
        """Fill the images that overflowed with what float32 gives."""
        if self._options.precision != "fp32" and not self._warned:
            self._warned = True
            log.warning(
                "%s: overflow in %s; such images are redone in fp32",
                self.name,
                self._options.precision,
            )
        bad = torch.nonzero(~fine).flatten()
        pixels, now_fine = self._run(stack[bad], plan, reduced=False)
        if not bool(now_fine.all()):
            raise ModelError(f"{self.name}: the network gives values that are not numbers")
        result[bad] = pixels

    def _one_pass(self, stack: Tensor, plan: Plan, reduced: bool) -> tuple[Tensor, Tensor]:
        """At most `plan.per_pass` images through the network; pixels, and which are finite."""
        count = len(stack)
        quick = self._network.short if plan.side_by_side and not reduced else None
        if quick is None and count < plan.per_pass:  # the number of images decides how it rounds
            stack = torch.cat([stack, stack[-1:].expand(plan.per_pass - count, -1, -1, -1)])
        # (N, H, W, 3) seen as (N, 3, H, W) already is channels_last
        batch = stack.permute(0, 3, 1, 2).float()
        batch = batch.div_(127.5).sub_(1) if self._network.signed else batch.div_(255)
        with self._arithmetic(reduced):
            out = (quick or self._network.run)(batch)
        out = out[:count].float()
        fine = torch.isfinite(out).flatten(1).all(1)
        out = out.add(1).mul_(127.5) if self._network.signed else out.mul(255)
        pixels = out.round_().clamp_(0, 255).to(torch.uint8)
        return pixels.permute(0, 2, 3, 1).contiguous(), fine

    def _arithmetic(self, reduced: bool) -> AbstractContextManager[object]:
        if not reduced:
            return nullcontext()
        return torch.autocast(self._device.type, dtype=_TYPES[self._options.precision])


def _pad(image: Tensor, height: int, width: int) -> Tensor:
    """Extend `(H, W, 3)` down and right by reflection."""
    down, right = height - image.shape[0], width - image.shape[1]
    if not (down or right):
        return image
    floats = image.permute(2, 0, 1).float()[None]
    mode = "reflect" if down < image.shape[0] and right < image.shape[1] else "replicate"
    padded = functional.pad(floats, (0, right, 0, down), mode=mode)
    return padded[0].permute(1, 2, 0).to(torch.uint8)


def _words(plan: Plan) -> str:
    if plan.tile:
        return f"tiles of {plan.tile} px"
    return f"{plan.batch} images at a time"
