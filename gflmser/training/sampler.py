"""Training batches out of cached images: which face, which crop, which degradation.

Nothing here has state: sample `i` of step `t` depends on (seed, t, i) only. A resumed run sees what
an uninterrupted one would have seen, and two processes that take halves of a batch see together
what one process with the whole batch sees.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from gflmser.camera import Camera, Draws, photograph
from gflmser.config import DataConfig, SourceConfig
from gflmser.degradation import bicubic, turned
from gflmser.network import reduce
from gflmser.schema import ConfigError
from gflmser.tensors import to_tensor
from gflmser.training.order import EpochOrder

HR, LR = 64, 16


@dataclass(frozen=True, slots=True)
class Batch:
    """What one training step sees; images in [-1, 1], channels_last."""

    hr: Tensor
    """(N, 3, 64, 64)"""
    lr: Tensor
    """(N, 3, 16, 16): `hr` reduced by bicubic or by the camera chain."""
    target: Tensor
    """(N, 3, 16, 16): `hr` reduced by bicubic, the target of the LR pixel loss (eq. 5)."""
    noise: Tensor
    """(N, 1, 64, 64), the Gaussian code z of H2L."""
    by_h2l: Tensor
    """(N,) bool: these samples are to be degraded by H2L instead of `lr`."""
    real: Tensor
    """(N, 3, 16, 16): unpaired low-resolution faces for the discriminator; else `target`."""

    def to(self, device: torch.device) -> Batch:
        """The same batch on `device`; from pinned memory without waiting for it."""
        return Batch(**{n: t.to(device, non_blocking=True) for n, t in self._tensors().items()})

    def pin_memory(self) -> Batch:
        """The same batch in pinned memory; `DataLoader` asks for it, in a thread of its own."""
        return Batch(**{name: tensor.pin_memory() for name, tensor in self._tensors().items()})

    def _tensors(self) -> dict[str, Tensor]:
        return {f.name: getattr(self, f.name) for f in fields(self)}


class CachedFaces:
    """One cache folder (see data/prepared.py) without the rows that its `excluded.csv` names."""

    def __init__(self, folder: Path) -> None:
        try:
            for name in ("cache.json", "images.npy", "index.csv"):
                # A pipe would be waited for.
                if (folder / name).exists() and not (folder / name).is_file():
                    raise ValueError(f"{name} is not a regular file")
            self.meta: dict[str, object] = dict(
                json.loads((folder / "cache.json").read_text("utf-8"))
            )
            self.images: NDArray[np.uint8] = np.load(
                folder / "images.npy",
                mmap_mode="c",  # torch wants memory that it might write to
            )
            keys = _column(folder / "index.csv")
            if len(keys) != len(self.images):
                raise ValueError(f"{len(keys)} names for {len(self.images)} images")
            excluded = folder / "excluded.csv"
            dropped = set(_column(excluded)) if excluded.is_file() else set()
        except FileNotFoundError as error:
            raise ConfigError(
                f"{folder} is not a prepared dataset; make it with: "
                f"sr-pipeline datasets prepare NAME PATH --out {folder}"
            ) from error
        except (OSError, EOFError, TypeError, ValueError, RecursionError) as error:
            raise ConfigError(f"{folder} is not a prepared dataset: {error}") from error
        self.rows = np.array([i for i, key in enumerate(keys) if key not in dropped])
        self.dropped = len(keys) - len(self.rows)
        if not len(self.rows):
            raise ConfigError(f"{folder} holds no image")

    def __len__(self) -> int:
        return len(self.rows)

    def record(self) -> dict[str, object]:
        """What the card of a weight says about this part of its training set."""
        return {**self.meta, "used": len(self), "left_out": self.dropped}


class Sampler:
    """Draws the samples of a step."""

    def __init__(
        self, config: DataConfig, *, seed: int, camera: Camera | None = None, batch: int = 1
    ) -> None:
        """`batch` is the number of samples of a step, for `order = "epochs"`."""
        if not config.sources:
            raise ConfigError("'data.sources' is empty: nothing to train on")
        self.config = config
        self.camera = camera or Camera()
        self.seed = seed
        folders = {s.path: CachedFaces(Path(s.path)) for s in config.sources}
        for path, faces in folders.items():
            if faces.meta.get("test_only"):
                raise ConfigError(f"{path} is made of a test set: nobody may train on it")
        self.sources = [(source, folders[source.path]) for source in config.sources]
        weights = np.array([s.weight for s in config.sources])
        self.shares = weights / weights.sum()
        self.real = CachedFaces(Path(config.real_lr)) if config.real_lr else None
        self.folders = list(folders.values())
        self._batch = batch
        self._ends = np.cumsum([len(faces) for _, faces in self.sources])
        order = EpochOrder(int(self._ends[-1]), seed=seed)
        self._order = order if config.order == "epochs" else None

    def batch(self, step: int, indices: Sequence[int]) -> Batch:
        """The samples `indices` of step `step`."""
        made = [
            self._sample(np.random.default_rng((self.seed, step, i)), step * self._batch + i)
            for i in indices
        ]
        columns = list(zip(*made, strict=True))
        hr, lr, target, real = (to_tensor(np.stack(column)) for column in columns[:4])
        noise = torch.from_numpy(np.stack(columns[4]))
        by_h2l = torch.tensor(columns[5])
        rows = torch.tensor(columns[6]).nonzero()[:, 0]
        if len(rows):
            draws = Draws([(self.seed, step, indices[row], 1) for row in rows.tolist()])
            scene, low = photograph(hr[rows].contiguous() / 2 + 0.5, draws, self.camera, side=LR)
            hr[rows], lr[rows], target[rows] = (2 * x - 1 for x in (scene, low, reduce(scene)))
        return Batch(hr=hr, lr=lr, target=target, noise=noise, by_h2l=by_h2l, real=real)

    def _face(
        self, rng: np.random.Generator, number: int
    ) -> tuple[SourceConfig, NDArray[np.uint8]]:
        """The image that sample `number` of the training shows, and how it is cut."""
        if self._order is None:
            source, faces = self.sources[int(rng.choice(len(self.sources), p=self.shares))]
            return source, faces.images[faces.rows[int(rng.integers(len(faces.rows)))]]
        image = self._order(number)
        which = int(np.searchsorted(self._ends, image, side="right"))
        source, faces = self.sources[which]
        before = int(self._ends[which]) - len(faces)
        return source, faces.images[int(faces.rows[image - before])]

    def _sample(
        self, rng: np.random.Generator, number: int
    ) -> tuple[
        NDArray[np.uint8],
        NDArray[np.uint8],
        NDArray[np.uint8],
        NDArray[np.uint8],
        NDArray[np.float32],
        bool,
        bool,
    ]:
        source, pixels = self._face(rng, number)
        chance = rng.random()
        by_camera = chance < self.config.camera
        if by_camera and rng.random() < self.camera.turned:
            narrow, wide = self.camera.aspect
            aspect = narrow * (wide / narrow) ** float(rng.random())
            turn = self.camera.turn * float(rng.standard_normal())
            pixels = turned(pixels, degrees=turn, aspect=aspect)
        image = crop(pixels, source, rng)
        target = bicubic(image, LR)
        by_h2l = self.config.camera <= chance < self.config.camera + self.config.h2l
        real = target
        if self.real is not None:
            row = self.real.images[int(rng.choice(self.real.rows))]
            real = bicubic(Image.fromarray(row), LR)
        noise = rng.standard_normal((1, HR, HR), np.float32)
        return np.asarray(image), target, target, real, noise, by_h2l, by_camera


def crop(pixels: NDArray[np.uint8], source: SourceConfig, rng: np.random.Generator) -> Image.Image:
    """A square of `pixels` of random share of the side, moved a little, perhaps mirrored, at 64."""
    side = len(pixels)
    edge = max(1, round(side * float(rng.uniform(*source.crop))))
    room = side - edge
    reach = source.jitter * edge
    left, top = (
        int(np.clip(round(room / 2 + float(rng.uniform(-reach, reach))), 0, room)) for _ in "xy"
    )
    square = np.ascontiguousarray(pixels[top : top + edge, left : left + edge])
    image = Image.fromarray(square)
    if rng.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if edge != HR:
        image = image.resize((HR, HR), Image.Resampling.BICUBIC)
    return image


def _column(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        if "image" not in (rows.fieldnames or ()):
            raise ValueError(f"{path.name} has no column 'image'")
        return [row["image"] for row in rows]
