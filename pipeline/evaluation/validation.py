"""What a training measures of itself while it runs, by the protocol of Table 4."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from data.boxes import Box
from data.images.rgb import RGB
from gflmser.degradation import bicubic
from gflmser.tensors import to_pixels, to_tensor
from gflmser.training.sampler import HR, LR
from pipeline.detection.registry import load_detector
from pipeline.metrics.base import Triple
from pipeline.metrics.intervals import bootstrap_interval
from pipeline.metrics.matching import ACCURATE, best_match
from pipeline.metrics.registry import image_metrics

if TYPE_CHECKING:
    from torch import Tensor

_PASSES: Final = 2
_BATCH: Final = 64
_SHOWN: Final = 8


class ImageLog(Protocol):
    """Takes an image while training runs."""

    def images(self, name: str, grid: NDArray[np.uint8], step: int) -> None:
        """A `(H, W, 3)` image."""
        ...


class Validator:
    """Measures a restorer on a fixed set of images at several crops.

    Figures are means over images, called `crop0.55/psnr_rgb` and so on. `accuracy` is the share
    of images with a face on HR (HOG, 2 passes) whose face is found on SR with an IoU of 0.5.
    """

    def __init__(
        self, images: Sequence[RGB], crops: Sequence[float], log: ImageLog | None = None
    ) -> None:
        self._log = log
        self._sets = {crop: [reduced(image, crop) for image in images] for crop in crops}
        self._truth = {c: [largest_face(hr) for hr, _ in pairs] for c, pairs in self._sets.items()}

    def __call__(
        self, restore: Callable[[Tensor, Tensor | None], Tensor], step: int
    ) -> Mapping[str, float]:
        """The means; an image grid of the first faces goes to the log."""
        figures: dict[str, float] = {}
        for crop, rows in self._measured(restore, step).items():
            for name, values in rows.items():
                figures[f"crop{crop:g}/{name}"] = float(np.nanmean(values))
        return figures

    def with_intervals(
        self, restore: Callable[[Tensor, Tensor | None], Tensor], *, seed: int = 0
    ) -> dict[str, float]:
        """The means and the ends of their 95 % bootstrap intervals, `<name>_lo` and `<name>_hi`."""
        figures: dict[str, float] = {}
        for crop, rows in self._measured(restore, -1).items():
            for name, values in rows.items():
                key = f"crop{crop:g}/{name}"
                if all(map(math.isnan, values)):  # no face on any HR: no accuracy, and no JSON NaN
                    continue
                interval = bootstrap_interval(values, seed=seed)
                figures[key] = round(float(np.nanmean(values)), 4)
                figures[f"{key}_lo"] = round(interval.lo, 4)
                figures[f"{key}_hi"] = round(interval.hi, 4)
        return figures

    def _measured(
        self, restore: Callable[[Tensor, Tensor | None], Tensor], step: int
    ) -> dict[float, dict[str, list[float]]]:
        found = {}
        for crop, pairs in self._sets.items():
            restored = _restored(restore, pairs)
            found[crop] = _rows(restored, pairs, self._truth[crop])
            if self._log is not None and step >= 0:
                self._log.images(f"crop{crop:g}", _grid(restored, pairs), step)
        return found


def reduced(image: RGB, crop: float) -> tuple[RGB, RGB]:
    """HR 64x64 and LR 16x16 of the central share `crop` of an image, by Pillow's bicubic."""
    edge = round(min(image.shape[:2]) * crop)
    top, left = ((n - edge) // 2 for n in image.shape[:2])
    square = np.ascontiguousarray(image[top : top + edge, left : left + edge])
    hr = Image.fromarray(square).resize((HR, HR), Image.Resampling.BICUBIC)
    return np.asarray(hr), bicubic(hr, LR)


def largest_face(image: RGB) -> Box | None:
    """The largest face that HOG finds in two passes."""
    faces = [d.box for d in load_detector("hog")(image, _PASSES)]
    return max(faces, key=lambda box: box.area, default=None)


def _restored(
    restore: Callable[[Tensor, Tensor | None], Tensor], pairs: Sequence[tuple[RGB, RGB]]
) -> NDArray[np.uint8]:
    hr, lr = (to_tensor(np.stack(column)) for column in zip(*pairs, strict=True))
    with torch.inference_mode():
        parts = [
            to_pixels(restore(a, b))
            for a, b in zip(torch.split(lr, _BATCH), torch.split(hr, _BATCH), strict=True)
        ]
    return np.concatenate(parts)


def _rows(
    restored: NDArray[np.uint8], pairs: Sequence[tuple[RGB, RGB]], truth: Sequence[Box | None]
) -> dict[str, list[float]]:
    metrics = image_metrics()
    rows: dict[str, list[float]] = {name: [] for name in (*(m.key for m in metrics), "accuracy")}
    for sr, (hr, lr), box in zip(restored, pairs, truth, strict=True):
        for metric in metrics:
            rows[metric.key].append(metric.compute(Triple(sr, hr, lr)))
        rows["accuracy"].append(math.nan if box is None else _accurate(sr, box))
    return rows


def _accurate(sr: RGB, truth: Box) -> float:
    faces = [d.box for d in load_detector("hog")(sr, _PASSES)]
    return float(best_match(faces, truth)[1] >= ACCURATE)


def _grid(restored: NDArray[np.uint8], pairs: Sequence[tuple[RGB, RGB]]) -> NDArray[np.uint8]:
    """Columns of LR (enlarged without smoothing), SR and HR."""
    columns = [
        np.concatenate((np.repeat(np.repeat(lr, HR // LR, 0), HR // LR, 1), sr, hr))
        for sr, (hr, lr) in zip(restored[:_SHOWN], pairs[:_SHOWN], strict=True)
    ]
    return np.concatenate(columns, 1)
