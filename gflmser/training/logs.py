"""Where a training writes its figures: TensorBoard, and one line for whoever watches."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from torch.utils.tensorboard import SummaryWriter


class TrainingLog:
    """TensorBoard events under `folder/events`, and progress with ETA on a text stream."""

    def __init__(self, folder: Path, stream: IO[str] | None) -> None:
        self._writer = SummaryWriter(str(folder / "events"))
        self._stream = stream

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """One point of each curve."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def progress(self, step: int, total: int, values: Mapping[str, float], eta_s: float) -> None:
        """`step/total (share) losses ETA h:mm:ss`."""
        if self._stream is None:
            return
        losses = "  ".join(f"{k.removeprefix('loss/')} {v:.4f}" for k, v in values.items())
        left = f"{int(eta_s) // 3600}:{int(eta_s) // 60 % 60:02d}:{int(eta_s) % 60:02d}"
        share = f"{100 * step / total:.1f} %"
        print(f"{step}/{total} ({share})  {losses}  ETA {left}", file=self._stream, flush=True)

    def pictures(self, name: str, grid: NDArray[np.uint8], step: int) -> None:
        """A `(H, W, 3)` picture."""
        self._writer.add_image(name, grid, step, dataformats="HWC")
        self._writer.flush()

    def note(self, text: str) -> None:
        """A line for whoever watches, outside of the progress."""
        if self._stream is not None:
            print(text, file=self._stream, flush=True)

    def close(self) -> None:
        """Write what is waiting."""
        self._writer.close()
