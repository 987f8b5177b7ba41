"""The CASIA-WebFace chain: image -> bicubic 64x64 (HR) -> bicubic 16x16 (LR), or a camera's."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from data.boxes import Box
from data.images.files import save_png
from data.images.rgb import RGB
from gflmser.degradation import bicubic, photographed
from pipeline.engine.job import Images, Item
from pipeline.engine.journal import Row
from pipeline.engine.tables import Columns
from pipeline.inputs.sources import Source, cut_region


@dataclass(frozen=True, slots=True)
class Degradation:
    """How an image becomes HR and LR: the central `crop` share of its middle square, reduced.

    `camera` is empty for the bicubic reduction, `chain` for the camera chain of training, or the
    name of one of the degraded sets (`gflmser.camera.sets`). The light that a camera finds falls on
    HR too. What is drawn depends on `seed` and the image's key alone.
    """

    crop: float = 1.0
    hr: int = 64
    lr: int = 16
    camera: str = ""
    seed: int = 0

    def __call__(self, rgb: RGB, key: str) -> tuple[RGB, RGB]:
        """Return HR `(hr, hr, 3)` and LR `(lr, lr, 3)`, uint8."""
        left, top, side = self.square(rgb.shape[1], rgb.shape[0])
        part = Image.fromarray(rgb).crop((left, top, left + side, top + side))
        hr = part.resize((self.hr, self.hr), Image.Resampling.BICUBIC)
        if not self.camera:
            return np.array(hr), bicubic(hr, self.lr)
        if self.camera == "chain":
            return photographed(hr, self.lr, self._drawn(key))
        from gflmser.camera.sets import SETS

        return SETS[self.camera](hr, self.lr, np.random.default_rng(self._drawn(key)))

    def square(self, width: int, height: int) -> tuple[int, int, int]:
        """Left, top and side of the part of a `width` x `height` image that is used."""
        side = max(1, round(self.crop * min(width, height)))
        return (width - side) // 2, (height - side) // 2, side

    def to_hr(self, box: Box, width: int, height: int) -> Box | None:
        """Move a box of the image to HR pixels; None when most of it is cut away."""
        left, top, side = self.square(width, height)
        moved = box.shifted(-left, -top).clipped(side, side)
        if moved is None or moved.area < box.area / 2:
            return None
        return moved.scaled(self.hr / side, self.hr / side)

    def _drawn(self, key: str) -> int:
        digest = hashlib.sha256(f"{self.seed}:{key}".encode()).digest()
        return int.from_bytes(digest[:8], "big")


@dataclass(frozen=True)
class DegradeImages:
    """The job of `degrade`: writes `out/hr/...` and `out/lr/...`."""

    out: Path
    degradation: Degradation

    def settings(self) -> dict[str, object]:
        """What the images depend on."""
        return {"command": "degrade", **asdict(self.degradation)}

    def check(self) -> None:
        """See `Job.check`; needs no model."""

    def warm_up(self) -> None:
        """See `Job.warm_up`; workers only write."""

    def read(self, source: Source) -> tuple[tuple[int, int], Images]:
        """See `Job.read`."""
        whole = source.load()
        hr, lr = self.degradation(cut_region(whole, source.region), source.key)
        return (whole.shape[1], whole.shape[0]), {"hr": hr, "lr": lr}

    def enlarge(self, batch: Sequence[Item]) -> list[Images]:
        """See `Job.enlarge`; nothing is enlarged."""
        return [item.images for item in batch]

    def outputs(self, source: Source) -> list[str]:
        """See `WritingJob.outputs`."""
        return [f"hr/{source.output}", f"lr/{source.output}"]

    def finish(self, item: Item) -> list[Row]:
        """See `Job.finish`."""
        for name, image in item.images.items():
            save_png(self.out / name / item.source.output, image)
        return [{"image": item.source.key, "output": item.source.output, "error": ""}]

    def failure(self, source: Source, message: str) -> list[Row]:
        """See `Job.failure`."""
        return [{"image": source.key, "output": "", "error": message}]


IMAGE_COLUMNS: Columns = {
    "image": str,
    "output": str,
    "error": str,
    "path": str,
    "note": str,
    "seconds": float,
    "time": str,
}
"""Columns of the table of commands that write one image for each image."""
