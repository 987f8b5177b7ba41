"""What both searches of `detect` take, in one value: how faces are restored, named and written."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pipeline.names import FacesWanted, Precision
from pipeline.upscalers.base import LoadOptions
from pipeline.upscalers.loading import Upscaler, shared_upscaler

if TYPE_CHECKING:
    from pipeline.identity.identifier import Identifier

UPSCALE_BELOW: Final = 128
"""Default of `upscale_below`, and what thresholds of chains are measured with."""
_ELSEWHERE: Final = frozenset({"out", "identifier", "device", "batch_size"})
"""Fields that no row depends on, or that stand in the settings under another name."""


@dataclass(frozen=True)
class FaceSettings:
    """Settings that `FindFaces` and `SearchFaces` share; each job adds its own.

    `upscale_below`: what has at least so many pixels on its shorter side is not upscaled.
    """

    out: Path
    _: KW_ONLY
    upscaler: str = "gflmser"
    upscale_below: int = UPSCALE_BELOW
    faces: FacesWanted = "all"
    min_score: float | None = None
    device: str = "auto"
    precision: Precision = "fp32"
    batch_size: int = 64
    consistent: bool = False
    compiled: bool = False
    mark: bool = False
    images: bool = True
    identifier: Identifier | None = field(default=None, repr=False)
    tracks: bool = False
    min_frames: int = 1

    def settings(self) -> dict[str, object]:
        """What the rows depend on, JSON-ready: a run is resumed only with the same."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in _ELSEWHERE}
        values = {name: str(v) if isinstance(v, Path) else v for name, v in values.items()}
        return values | {"identify": self.identifier.describe() if self.identifier else None}

    def loaded_upscaler(self) -> Upscaler:
        """The upscaler, loaded once per process; raises ModelError when it cannot be used.

        It has one CPU thread: the other cores detect, and torch's threads would wait for them.
        """
        options = LoadOptions(
            device=self.device,
            precision=self.precision,
            batch_size=self.batch_size,
            threads=1,
            consistent=self.consistent,
            compiled=self.compiled,
        )
        return shared_upscaler(self.upscaler, options)
