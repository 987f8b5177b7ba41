"""Batches made on the device itself: prepared images stay there as uint8, crops are cut together.

No Python runs for a single sample. Sample `i` of step `t` depends on (seed, t, i) only, as in
`sampler`; the numbers drawn are others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gflmser.camera import Camera, HashedDraws, photograph, sample_keys
from gflmser.config import DataConfig, SourceConfig
from gflmser.network import reduce
from gflmser.training.crops import cut, reduced, turned
from gflmser.training.order import EpochOrder
from gflmser.training.sampler import HR, LR, Batch, CachedFaces, Sampler

_DRAWN: Final = (
    *("source", "row", "edge", "x", "y", "flip", "by", "real"),
    *("turned", "aspect", "turn_length", "turn_angle"),
)
_STREAM: Final = 1
"""Keeps these numbers apart from those of `sampler`."""
_READ: Final = 4096


class DeviceSampler:
    """Draws the samples of a step on one device.

    `camera` is what may happen to the `camera` share. Raises ConfigError for what cannot be trained
    on, as `Sampler` does.
    """

    def __init__(
        self,
        config: DataConfig,
        *,
        seed: int,
        batch: int,
        device: torch.device | str,
        camera: Camera | None = None,
    ) -> None:
        drawn = Sampler(config, seed=seed, batch=batch)
        self.folders = drawn.folders
        self.device = torch.device(device)
        self._camera = camera or Camera()
        self._config, self._seed, self._batch = config, seed, batch
        self._shares = np.cumsum(drawn.shares)
        stored = {id(faces): _stored(faces, self.device) for faces in drawn.folders}
        self._sources = [(source, stored[id(faces)]) for source, faces in drawn.sources]
        self._real = None if drawn.real is None else _small(_stored(drawn.real, self.device))
        counts = [len(images) for _, images in self._sources]
        self._ends = np.cumsum(counts)
        self._order = EpochOrder(sum(counts), seed=seed) if config.order == "epochs" else None

    def batch(self, step: int, indices: Sequence[int]) -> Batch:
        """The samples `indices` of step `step`, on the device."""
        drawn = self._draws(step, indices)
        source, row = self._chosen(drawn, step, indices)
        hr = torch.empty(len(indices), 3, HR, HR, device=self.device)
        for number, (settings, images) in enumerate(self._sources):
            places = np.flatnonzero(source == number)
            if len(places):
                own = {name: values[places] for name, values in drawn.items()}
                chosen = images[torch.from_numpy(row[places]).to(self.device)]
                chosen = self._turned(chosen, own)
                hr[torch.from_numpy(places).to(self.device)] = _cut(chosen, settings, own)
        target, chance = _scaled(reduced(hr, LR)), drawn["by"]
        low, hr = target, _scaled(hr)
        by_camera = np.flatnonzero(chance < self._config.camera)
        if len(by_camera):
            rows = torch.from_numpy(by_camera).to(self.device)
            samples = torch.from_numpy(np.asarray(indices)[by_camera]).to(self.device)
            draws = HashedDraws(sample_keys((self._seed, step, _STREAM), samples))
            scene, photo = photograph(hr[rows] / 2 + 0.5, draws, self._camera)
            hr[rows], low = 2 * scene - 1, target.clone()
            low[rows], target[rows] = 2 * photo - 1, reduce(2 * scene - 1)
        by_h2l = (chance >= self._config.camera) & (chance < self._config.camera + self._config.h2l)
        return Batch(
            hr=hr,
            lr=low,
            target=target,
            noise=self._noise(step, indices),
            by_h2l=torch.from_numpy(by_h2l).to(self.device),
            real=target if self._real is None else self._shown(drawn["real"]),
        )

    def _turned(self, images: Tensor, drawn: dict[str, NDArray[np.float64]]) -> Tensor:
        """Images `(N, side, side, 3)` with the heads of some that the camera sees turned."""
        camera = self._camera
        chosen = (drawn["by"] < self._config.camera) & (drawn["turned"] < camera.turned)
        rows = np.flatnonzero(chosen)
        if not len(rows):
            return images
        narrow, wide = camera.aspect
        aspect = narrow * (wide / narrow) ** drawn["aspect"][rows]
        normal = np.sqrt(-2 * np.log1p(-drawn["turn_length"][rows])) * np.cos(
            2 * np.pi * drawn["turn_angle"][rows]
        )
        degrees, wider, where = (
            torch.from_numpy(values).to(self.device)
            for values in (camera.turn * normal, aspect, rows)
        )
        return images.index_copy(0, where, turned(images[where], degrees=degrees, aspect=wider))

    def _draws(self, step: int, indices: Sequence[int]) -> dict[str, NDArray[np.float64]]:
        """For each sample a number in [0, 1) of each name; those of the whole batch are drawn."""
        numbers = np.random.default_rng((self._seed, step, _STREAM)).random(
            (self._batch, len(_DRAWN))
        )[np.asarray(indices)]
        return dict(zip(_DRAWN, numbers.T, strict=True))

    def _chosen(
        self, drawn: dict[str, NDArray[np.float64]], step: int, indices: Sequence[int]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The source of each sample and the row in it."""
        if self._order is not None:
            flat = np.array([self._order(step * self._batch + i) for i in indices])
            source = np.searchsorted(self._ends, flat, side="right")
            return source, flat - np.concatenate(([0], self._ends))[source]
        source = np.searchsorted(self._shares, drawn["source"], side="right")
        source = np.minimum(source, len(self._sources) - 1)
        counts = np.array([len(images) for _, images in self._sources])[source]
        return source, (drawn["row"] * counts).astype(np.int64)

    def _noise(self, step: int, indices: Sequence[int]) -> Tensor:
        generator = torch.Generator(self.device).manual_seed(hash((self._seed, step)) % 2**63)
        whole = torch.randn(self._batch, 1, HR, HR, generator=generator, device=self.device)
        return whole[indices[0] : indices[-1] + 1] if _together(indices) else whole[list(indices)]

    def _shown(self, chances: NDArray[np.float64]) -> Tensor:
        assert self._real is not None
        rows = torch.from_numpy((chances * len(self._real)).astype(np.int64)).to(self.device)
        return _scaled(self._real[rows].float())


def _together(indices: Sequence[int]) -> bool:
    return isinstance(indices, range) and indices.step == 1 and len(indices) > 0


def _stored(faces: CachedFaces, device: torch.device) -> Tensor:
    """The images that may be used, `(N, side, side, 3)` uint8; on a CPU those on disk."""
    whole = len(faces.rows) == len(faces.images)
    if device.type == "cpu" and whole:
        return torch.from_numpy(faces.images)
    parts = np.array_split(faces.rows, max(1, len(faces.rows) // _READ))
    return torch.cat([torch.from_numpy(faces.images[rows]).to(device) for rows in parts])


def _small(images: Tensor) -> Tensor:
    """Real faces at LR's size, `(N, 3, 16, 16)` uint8."""
    if images.shape[1] == LR:
        return images.permute(0, 3, 1, 2).contiguous()
    ends = list(range(_READ, len(images), _READ))
    parts = (part.permute(0, 3, 1, 2).float() for part in images.tensor_split(ends))
    return torch.cat([reduced(part, LR).to(torch.uint8) for part in parts])


def _cut(images: Tensor, settings: SourceConfig, drawn: dict[str, NDArray[np.float64]]) -> Tensor:
    """`(N, 3, 64, 64)` in levels: squares as `sampler.crop` draws them."""
    side, device = images.shape[1], images.device
    low, high = settings.crop
    edge = np.maximum(1, np.rint(side * (low + (high - low) * drawn["edge"])))
    room = side - edge
    corner = {
        axis: np.clip(np.rint(room / 2 + settings.jitter * edge * (2 * drawn[axis] - 1)), 0, room)
        for axis in "xy"
    }
    left, top, wide = (torch.from_numpy(v).to(device) for v in (corner["x"], corner["y"], edge))
    return cut(
        images,
        left=left,
        top=top,
        edge=wide,
        flip=torch.from_numpy(drawn["flip"] < 0.5).to(device),
        to=HR,
    )


def _scaled(levels: Tensor) -> Tensor:
    """Levels of 0-255 in [-1, 1], channels_last."""
    return levels.div_(127.5).sub_(1).to(memory_format=torch.channels_last)
