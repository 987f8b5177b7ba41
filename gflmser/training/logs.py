"""Where a training writes its figures: TensorBoard, and one line for whoever watches."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np
from lightning_fabric.loggers.tensorboard import TensorBoardLogger
from numpy.typing import NDArray


class TrainingLog:
    """Fabric's TensorBoard logger under `folder/events`, and progress with ETA on a text stream.

    A resumed training goes on in the same folder. Fabric's CSV logger would delete its first part.
    """

    def __init__(self, folder: Path, stream: IO[str] | None) -> None:
        # Made at once: by it a folder of a training is known from any other.
        (folder / "events").mkdir(parents=True, exist_ok=True)
        self._logger = TensorBoardLogger(folder, name="", version="events")
        self._stream = stream

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """One point of each curve."""
        self._logger.log_metrics(values, step)

    def progress(self, step: int, total: int, values: Mapping[str, float], eta_s: float) -> None:
        """`step/total (share) losses ETA h:mm:ss`."""
        if self._stream is None:
            return
        losses = "  ".join(f"{k.removeprefix('loss/')} {v:.4f}" for k, v in values.items())
        left = f"{int(eta_s) // 3600}:{int(eta_s) // 60 % 60:02d}:{int(eta_s) % 60:02d}"
        share = f"{100 * step / total:.1f} %"
        print(f"{step}/{total} ({share})  {losses}  ETA {left}", file=self._stream, flush=True)

    def images(self, name: str, grid: NDArray[np.uint8], step: int) -> None:
        """An image `(H, W, 3)`, on disk at once."""
        self._logger.experiment.add_image(name, grid, step, dataformats="HWC")
        self._logger.save()

    def note(self, text: str) -> None:
        """A line for whoever watches, outside of the progress."""
        if self._stream is not None:
            print(text, file=self._stream, flush=True)

    def close(self) -> None:
        """Write what is waiting."""
        self._logger.finalize("success")
