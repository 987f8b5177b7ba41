"""128 numbers for a face, by dlib's network in torch; a face and its mirror image are averaged.

The mirror images of restored faces go through the network of `embedder.safetensors`: dlib's, tuned
for low resolution (`pipeline.identity.tuning`).
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from data.boxes import Box
from data.images.rgb import RGB
from pipeline.identity.alignment import Points, chip, chip_at_box

if TYPE_CHECKING:
    from torch import Tensor

    from pipeline.identity.dlib_in_torch import FaceNet

__all__ = ["SHIPPED", "Embedder", "Embedding", "Face", "load_embedder"]

Embedding = NDArray[np.float32]
SIZE: Final = 128
SHIPPED: Final = Path(__file__).with_name("embedder.safetensors")
"""The changes that ship; `benchmarks.tools.ship_embedder` wrote them."""


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """A face in an image, box and landmarks in its pixels; see `Detection.landmarks`."""

    rgb: RGB
    box: Box
    landmarks: Points | None = None

    def on(
        self, rgb: RGB, *, shift: tuple[float, float] = (0.0, 0.0), scale: tuple[float, float]
    ) -> Face:
        """The face on `rgb`, which shows it moved by `shift` pixels and then resized by `scale`."""
        marks = self.landmarks and tuple(
            ((x + shift[0]) * scale[0], (y + shift[1]) * scale[1]) for x, y in self.landmarks
        )
        return Face(rgb, self.box.shifted(*shift).scaled(*scale), marks)


@dataclass(frozen=True)
class Embedder:
    """Embeds faces; make one with `load_embedder()`. The network is not pickled.

    `embed` and `embed_each` are `face_recognition.face_encodings(rgb, [box], model="small")`
    within 1e-6; `faces` averages each face with its mirror image.
    """

    net: FaceNet
    tuned: FaceNet | None = None
    """The network for mirror images of faces that were small and are restored; None: `net`."""

    @property
    def size(self) -> int:
        """Numbers of an embedding."""
        return SIZE

    def embed(self, rgb: RGB, box: Box) -> Embedding:
        """The face at `box` (pixels of `rgb`) as `(128,)`; Euclidean distances compare faces.

        The sides are rounded to whole pixels. Raises `ValueError` for a box without area.
        """
        row: Embedding = self.embed_each([rgb], box)[0]
        return row

    def embed_each(self, images: Sequence[RGB], box: Box) -> Embedding:
        """What `embed` gives for the same box in each of `images`, `(N, 128)`."""
        from pipeline.identity.dlib_in_torch import embed_chips

        return embed_chips([chip_at_box(rgb, box) for rgb in images], self.net)

    def faces(self, faces: Sequence[Face], *, restored: bool | Sequence[bool] = False) -> Embedding:
        """The means of each face and its mirror image, `(N, 128)`.

        The mirror images of `restored` faces (all, or each by its own) are embedded by `tuned`.
        Raises `ValueError` for a box without area.
        """
        from pipeline.identity.dlib_in_torch import embed_chips

        chips = [chip(face.rgb, face.box, face.landmarks) for face in faces]
        by_tuned = self._by_tuned(len(chips), restored)
        mean = embed_chips(chips, self.net)
        for net, rows in ((self.net, ~by_tuned), (self.tuned, by_tuned)):
            own = np.flatnonzero(rows)
            mirrored = [np.ascontiguousarray(chips[i][:, ::-1]) for i in own]
            mean[own] = (mean[own] + embed_chips(mirrored, net)) / 2
        return mean

    def _by_tuned(self, count: int, restored: bool | Sequence[bool]) -> NDArray[np.bool_]:
        """`(count,)`, which faces are for `tuned`."""
        each = np.full(count, restored) if isinstance(restored, bool) else np.array(restored, bool)
        return each & (self.tuned is not None)

    @functools.cached_property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits of the hash of the network's weights."""
        digest = hashlib.sha256()
        for values in self._parameters():
            digest.update(values.contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]

    def _parameters(self) -> Iterable[Tensor]:
        yield from self.net.parameters()
        if self.tuned is not None:
            yield from self.tuned.parameters()


@functools.lru_cache(maxsize=1)
def load_embedder() -> Embedder:
    """Load both networks once per process; raises `ModelError` when a file is missing."""
    from data.datasets.base import DatasetError
    from data.errors import ModelError
    from pipeline.identity.embedders.tuned_file import load_tuned_embedder

    try:
        return load_tuned_embedder(SHIPPED)
    except DatasetError as error:
        raise ModelError(str(error)) from error
