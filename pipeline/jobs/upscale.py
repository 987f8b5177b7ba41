"""The job of `upscale`: every image enlarged into a PNG of the same relative path."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data.images.files import check_made, save_png
from pipeline.engine.job import Images, Item
from pipeline.engine.journal import Row
from pipeline.environment.cores import usable_cores
from pipeline.evidence.marks import save_restored
from pipeline.inputs.sources import Source, cut_region
from pipeline.names import Precision
from pipeline.upscalers.base import LoadOptions
from pipeline.upscalers.loading import Upscaler, shared_upscaler
from pipeline.upscalers.spread import restored_images


@dataclass(frozen=True)
class UpscaleImages:
    """Enlarges images with one upscaler into `out`; with `spread` their maps into `out/spread`."""

    out: Path
    upscaler: str
    device: str = "auto"
    precision: Precision = "fp32"
    batch_size: int = 64
    consistent: bool = False
    compiled: bool = False
    mark: bool = False
    spread: bool = False

    def settings(self) -> dict[str, object]:
        """What the images depend on."""
        return {
            "command": "upscale",
            "upscaler": self.upscaler,
            "precision": self.precision,
            "consistent": self.consistent,
            "compiled": self.compiled,
            "mark": self.mark,
            "spread": self.spread,
        }

    def _upscaler(self) -> Upscaler:
        # The workers only write PNG files here: the network may have every core.
        options = LoadOptions(
            device=self.device,
            precision=self.precision,
            batch_size=self.batch_size,
            threads=usable_cores(),
            consistent=self.consistent,
            compiled=self.compiled,
        )
        return shared_upscaler(self.upscaler, options)

    def check(self) -> None:
        """See `Job.check`."""
        self._upscaler()

    def warm_up(self) -> None:
        """See `Job.warm_up`; workers only write."""

    def read(self, source: Source) -> tuple[tuple[int, int], Images]:
        """See `Job.read`."""
        whole = source.load()
        return (whole.shape[1], whole.shape[0]), {"input": cut_region(whole, source.region)}

    def enlarge(self, batch: Sequence[Item]) -> list[Images]:
        """See `Job.enlarge`."""
        upscaler = self._upscaler()
        for item in batch:
            height, width = item.images["input"].shape[:2]
            check_made(width, height, upscaler.scale)
        images = [item.images["input"] for item in batch]
        return list(restored_images(upscaler, images, spread=self.spread))

    def outputs(self, source: Source) -> list[str]:
        """See `WritingJob.outputs`."""
        return [source.output, *([f"spread/{source.output}"] if self.spread else [])]

    def finish(self, item: Item) -> list[Row]:
        """See `Job.finish`."""
        file = self.out / item.source.output
        save_restored(file, item.images["sr"], mark=self.mark, upscaler=self.upscaler)
        if "spread" in item.images:
            save_png(self.out / "spread" / item.source.output, item.images["spread"])
        return [{"image": item.source.key, "output": item.source.output, "error": ""}]

    def failure(self, source: Source, message: str) -> list[Row]:
        """See `Job.failure`."""
        return [{"image": source.key, "output": "", "error": message}]
