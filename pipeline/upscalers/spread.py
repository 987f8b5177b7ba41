"""How much a network changes its mind when the image is mirrored: a plain sign of uncertainty.

A face and its mirror image hold the same evidence. Where the restorations differ, the network drew
what its input does not settle. The spread is not calibrated, and agreement does not mean truth:
both may be wrong alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.images.rgb import RGB

__all__ = [
    "LEVELS",
    "Restored",
    "as_image",
    "restore",
    "restore_both",
    "restore_with_spread",
    "restored_images",
    "spread_between",
]

Restored = tuple[RGB, NDArray[np.float32] | None]
"""A restored image and its spread, where there is one."""
LEVELS: Final = 8
"""Grey levels of the map's file for one level of disagreement, so that the eye sees it."""


def restore_with_spread(
    upscaler: Callable[[Sequence[RGB]], list[RGB]], images: Sequence[RGB]
) -> list[Restored]:
    """Restore `images`, each `(H, W, 3)`, and say where mirroring changes the result.

    The spread of a restored image `(kH, kW, 3)` is `(kH, kW)`: the mean absolute difference over
    the channels, in grey levels of 255. It is None where mirroring changes nothing, as with
    interpolation. Costs a second pass of the upscaler. Raises what the upscaler raises.

    Example:
        >>> restore_with_spread(list, [np.zeros((4, 4, 3), np.uint8)])[0][1] is None
        True
    """
    return [(one, spread_between(one, other)) for one, other in restore_both(upscaler, images)]


def restore_both(
    upscaler: Callable[[Sequence[RGB]], list[RGB]], images: Sequence[RGB]
) -> list[tuple[RGB, RGB]]:
    """Each of `images` restored, and its mirror image restored and mirrored back."""
    both = upscaler([*images, *(np.ascontiguousarray(one[:, ::-1]) for one in images)])
    straight, mirrored = both[: len(images)], both[len(images) :]
    return [
        (one, np.ascontiguousarray(other[:, ::-1]))
        for one, other in zip(straight, mirrored, strict=True)
    ]


def restore(
    upscaler: Callable[[Sequence[RGB]], list[RGB]], images: Sequence[RGB], *, spread: bool
) -> list[Restored]:
    """`restore_with_spread`, or one pass and no map unless `spread` is asked for."""
    if not images:
        return []
    if spread:
        return restore_with_spread(upscaler, images)
    return [(one, None) for one in upscaler(images)]


def restored_images(
    upscaler: Callable[[Sequence[RGB]], list[RGB]], images: Sequence[RGB], *, spread: bool
) -> list[dict[str, RGB]]:
    """Each of `images` restored as `sr`; with `spread` its map as the image `spread`.

    The map is absent where mirroring changes nothing. Raises what the upscaler raises.
    """
    return [
        {"sr": one} if levels is None else {"sr": one, "spread": as_image(levels)}
        for one, levels in restore(upscaler, images, spread=spread)
    ]


def spread_between(one: RGB, other: RGB) -> NDArray[np.float32] | None:
    """The spread of the two restorations of `restore_both`; see `restore_with_spread`."""
    difference = np.abs(one.astype(np.int16) - other)
    # Rounding alone moves a pixel by one level.
    return difference.mean(2, dtype=np.float32) if difference.max() > 1 else None


def as_image(spread: NDArray[np.float32]) -> RGB:
    """The map as a grey image `(H, W, 3)`: `LEVELS` per level of disagreement, white from 32 on."""
    grey = np.clip(spread * LEVELS, 0, 255).round().astype(np.uint8)
    return np.ascontiguousarray(np.repeat(grey[:, :, None], 3, 2))
