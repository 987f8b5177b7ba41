"""The steps in their order, with parameters drawn for each sample."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from gflmser.camera.blur import blurred
from gflmser.camera.config import Camera
from gflmser.camera.draws import Draws, applied
from gflmser.camera.grid import BICUBIC, resampled, resampling
from gflmser.camera.jpeg import compressed
from gflmser.camera.scene import relit, without_colour
from gflmser.camera.sensor import bilateral, median, noisy, rounded, sharpened
from gflmser.camera.video import filmed

UNIT: Final = 16
"""Side of what JPEG (4:2:0) and H.264 compress as one."""
_LARGEST: Final = 1.75
"""The most pixels of a camera for one of LR."""


def frame_side(side: int) -> int:
    """Side of a frame that holds a face at any offset to its units: 48 for an LR of 16."""
    return -(-int(_LARGEST * side + UNIT) // UNIT) * UNIT


def photograph(
    hr: Tensor, draws: Draws, camera: Camera, *, side: int = 16
) -> tuple[Tensor, Tensor]:
    """What a camera makes of faces: the scene in its light, and the LR image of it.

    `hr` is `(N, 3, H, W)`, square, in [0, 1], the scene as the data has it. The results are in
    [0, 1] too: `(N, 3, H, W)` (the target of restoration) and `(N, 3, side, side)` in levels of
    1/255. Sample i depends on its own seed in `draws` only.

    Example:
        scene, lr = photograph(hr, Draws([(seed, step, i) for i in rows]), Camera())
    """
    scene = _lit(hr, draws, camera)
    frame, place = _exposed(_out_of_focus(scene, draws, camera), draws, camera, side)
    frame = _processed(_sensed(frame, draws, camera), draws, camera)
    frame = _stored(rounded(frame), draws, camera)
    frame, place = _second_generation(frame, place, draws, camera, side)
    kernels = torch.full_like(place.side, BICUBIC)
    whole = _whole(torch.full_like(place.side, side))
    cut = whole.matrices(frame_side(side), side, place, kernels)
    return scene, rounded(resampled(frame, *cut))


def _lit(hr: Tensor, draws: Draws, camera: Camera) -> Tensor:
    changed = draws.chance(camera.light)
    gain, gamma = draws.log_uniform(*camera.gain), draws.uniform(*camera.gamma)
    balance = torch.stack([draws.uniform(*camera.white_balance) for _ in range(3)], 1)
    scene = applied(relit, changed, hr, gain, gamma, balance)
    return applied(without_colour, draws.chance(camera.grey), scene)


def _out_of_focus(scene: Tensor, draws: Draws, camera: Camera) -> Tensor:
    kind = draws.choice(camera.blur_shares)
    equal = draws.log_uniform(*camera.isotropic)
    pair = [draws.log_uniform(*camera.anisotropic) for _ in "ab"]
    length, radius = draws.uniform(*camera.motion), draws.uniform(*camera.defocus)
    angle = draws.uniform(0, math.pi)
    nothing = torch.zeros_like(angle)
    along, across = (
        torch.where(kind == 0, equal, torch.where(kind == 1, own, nothing)) for own in pair
    )
    return blurred(
        scene,
        along,
        across,
        angle=angle,
        length=torch.where(kind == 2, length, nothing),
        radius=torch.where(kind == 3, radius, nothing),
    )


def _sensed(frame: Tensor, draws: Draws, camera: Camera) -> Tensor:
    parameters = (
        draws.normal(*frame.shape[1:]),
        draws.log_uniform(*camera.shot),
        draws.log_uniform(*camera.read),
        draws.chance(camera.grey_noise),
        draws.chance(camera.correlated_noise),
    )
    return applied(noisy, draws.chance(camera.noise), frame, *parameters).clamp(0, 1)


def _processed(frame: Tensor, draws: Draws, camera: Camera) -> Tensor:
    smoothing, by_median = draws.chance(camera.denoise), draws.chance(0.5)
    frame = applied(median, smoothing & by_median, frame)
    frame = applied(bilateral, smoothing & ~by_median, frame)
    amount = draws.uniform(*camera.sharpening)
    return applied(sharpened, draws.chance(camera.sharpen), frame, amount)


def _stored(frame: Tensor, draws: Draws, camera: Camera) -> Tensor:
    """As JPEG, as a frame of a video, or as it is."""
    quality = draws.uniform(*camera.quality).round()
    subsampled = draws.chance(camera.subsampled)
    kept, by_video = draws.chance(camera.jpeg), draws.chance(camera.video)
    quantiser = draws.uniform(*camera.video_quantiser)
    motion = [draws.uniform(-2.5, 2.5) for _ in ("down", "across")]
    if camera.video:
        frame = applied(filmed, by_video, frame, quantiser, *motion, off_device=True)
    return applied(compressed, kept & ~by_video, frame, quality, subsampled)


@dataclass(frozen=True, slots=True)
class _Placed:
    """Where a face lies in its frame: side of its square, corner down and across, `(N,)` each."""

    side: Tensor
    down: Tensor
    across: Tensor

    def matrices(self, source: int, target: int, old: _Placed, kernels: Tensor) -> list[Tensor]:
        """Of the resampling from frames of `source` pixels, where it was `old`, to this place."""
        step = old.side / self.side
        corners = ((old.down, self.down), (old.across, self.across))
        return [
            resampling(source, target, step=step, start=a - step * b, kernels=kernels)
            for a, b in corners
        ]

    def where(self, chosen: Tensor, other: _Placed) -> _Placed:
        """This place for the `chosen` samples, the other for the rest."""
        return _Placed(
            torch.where(chosen, self.side, other.side),
            torch.where(chosen, self.down, other.down),
            torch.where(chosen, self.across, other.across),
        )


def _whole(side: Tensor) -> _Placed:
    """A face that fills its frame."""
    return _Placed(side, torch.zeros_like(side), torch.zeros_like(side))


def _anywhere(size: Tensor, draws: Draws, side: int) -> _Placed:
    """A face of about `size` pixels at any offset to the units of a frame's compression."""
    corner = [draws.uniform(0, UNIT).floor() for _ in ("down", "across")]
    return _Placed(size.clamp_max(_LARGEST * side), *corner)


def _exposed(scene: Tensor, draws: Draws, camera: Camera, side: int) -> tuple[Tensor, _Placed]:
    """The frame that the sensor's grid makes of the scene, and where the face is in it."""
    own = draws.chance(camera.own_grid)
    drawn = side * draws.uniform(*camera.grid)
    kernels = draws.choice(camera.kernels)
    place = _anywhere(torch.where(own, torch.full_like(drawn, side), drawn), draws, side)
    full = scene.shape[-1]
    old = _whole(torch.full_like(drawn, full))
    return resampled(scene, *place.matrices(full, frame_side(side), old, kernels)), place


def _second_generation(
    frame: Tensor, place: _Placed, draws: Draws, camera: Camera, side: int
) -> tuple[Tensor, _Placed]:
    """Resized and saved once more, as a message or a web page does."""
    chosen = draws.chance(camera.again)
    new = _anywhere(place.side * draws.uniform(*camera.again_scale), draws, side)
    kernels = torch.full_like(place.side, BICUBIC)
    quality = draws.uniform(*camera.quality).round()
    subsampled = draws.chance(camera.subsampled)
    matrices = new.matrices(frame_side(side), frame_side(side), place, kernels)
    frame = applied(_resaved, chosen, frame, *matrices, quality, subsampled)
    return frame, new.where(chosen, place)


def _resaved(
    images: Tensor, down: Tensor, across: Tensor, quality: Tensor, subsampled: Tensor
) -> Tensor:
    return compressed(rounded(resampled(images, down, across)), quality, subsampled)
