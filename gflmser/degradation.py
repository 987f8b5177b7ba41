"""How a high-resolution face becomes a low one: by bicubic, or by a camera.

`bicubic` is Pillow's, antialiased, as in Table 4. The camera chain is the package `gflmser.camera`;
`photographed` is its door for one image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    from gflmser.camera import Camera


def bicubic(hr: Image.Image, side: int) -> NDArray[np.uint8]:
    """`hr` reduced to `(side, side, 3)` with Pillow's antialiased bicubic."""
    return np.asarray(hr.resize((side, side), Image.Resampling.BICUBIC))


def photographed(
    hr: Image.Image, side: int, seed: int, camera: Camera | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The square RGB image `hr` in the light that a camera found, and what it made of it.

    `(H, H, 3)` and `(side, side, 3)`; what is drawn depends on `seed` alone.
    """
    import torch

    from gflmser.camera import Camera, Draws, photograph

    pixels = torch.from_numpy(np.array(hr)).permute(2, 0, 1).unsqueeze(0) / 255
    made = photograph(pixels, Draws([seed]), camera or Camera(), side=side)
    scene, lr = ((one[0] * 255).round().to(torch.uint8).permute(1, 2, 0).numpy() for one in made)
    return scene, lr


def turned(pixels: NDArray[np.uint8], *, degrees: float, aspect: float) -> NDArray[np.uint8]:
    """A square image `(S, S, 3)` turned about its middle and stretched to `aspect`; edges mirrored.

    A positive turn is clockwise; an aspect above 1 widens.
    """
    side = len(pixels)
    pad = side // 6
    padded = Image.fromarray(np.pad(pixels, ((pad, pad), (pad, pad), (0, 0)), "reflect"))
    root, middle = aspect**0.5, side / 2
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    a, b, d, e = cos / root, sin * root, -sin / root, cos * root
    c, f = (pad + middle - (p + q) * middle for p, q in ((a, b), (d, e)))
    made = padded.transform(
        (side, side), Image.Transform.AFFINE, (a, b, c, d, e, f), Image.Resampling.BICUBIC
    )
    return np.asarray(made)
