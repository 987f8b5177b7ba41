"""What every upscaler is, and what may be asked of one while it is loaded."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from data.images.rgb import RGB
from pipeline.names import Precision


class Upscaler(Protocol):
    """A function from images to images `scale` times as large."""

    @property
    def name(self) -> str:
        """How tables and file names call it."""
        ...

    @property
    def scale(self) -> int:
        """How many times wider and higher the output is."""
        ...

    @property
    def oracle(self) -> bool:
        """Whether it was made to see the ground truth, so that its figures stand apart."""
        ...

    def __call__(self, images: Sequence[RGB]) -> list[RGB]:
        """Enlarge images of any mixed sizes.

        Output `i` is `(H_i * scale, W_i * scale, 3)` uint8, contiguous, and depends on image
        `i` alone: neither on its neighbours nor on the batch size.
        """
        ...


class OracleUpscaler(Upscaler, Protocol):
    """An upscaler whose `oracle` is true: it can only be judged where the ground truth is known."""

    def restore_seeing(self, lr: Sequence[RGB], hr: Sequence[RGB]) -> list[RGB]:
        """As `__call__` of `lr`, with the ground truth `hr[i]`, `scale` times as large, in view."""
        ...


def restore(upscaler: Upscaler, lr: Sequence[RGB], hr: Sequence[RGB]) -> list[RGB]:
    """What `upscaler` makes of `lr`; `hr` is handed to oracles alone."""
    if upscaler.oracle:
        return cast(OracleUpscaler, upscaler).restore_seeing(lr, hr)
    return upscaler(lr)


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """How a network is to run; interpolation ignores it."""

    device: str = "auto"
    """`auto`, `cpu`, `cuda`, `cuda:N` or `mps`."""
    precision: Precision = "fp32"
    """Arithmetic of the convolutions; fp16 needs a GPU."""
    batch_size: int = 64
    """The most images in one pass; less is used when memory runs out."""
    tile: int = 256
    """Images with a side above this many input pixels are cut into overlapping tiles; 0 never."""
    overlap: int = 16
    """Input pixels around a tile that are computed and thrown away."""
    threads: int | None = None
    """CPU threads of torch in this process; None leaves them alone."""
    allow_oracle: bool = False
    """Whether weights that need the ground truth may be loaded."""
    consistent: bool = False
    """Whether what a network made is projected, so that reduced it gives its input again."""
    compiled: bool = False
    """Whether networks run by torch.compile: slow at the first image of each size."""


class Provider(Protocol):
    """A family of named upscalers that a caller does not have to know."""

    def names(self) -> list[str]:
        """Names that can be loaded now, sorted."""
        ...

    def reads(self, path: Path) -> bool:
        """Whether the weight file is of this family; never raises for a strange file."""
        ...

    def load(self, name_or_file: str, options: LoadOptions) -> Upscaler:
        """Load one of `names()` or a file that it reads; ModelError when it cannot be used."""
        ...
