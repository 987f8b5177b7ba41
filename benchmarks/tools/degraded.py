"""Pairs of images as `sr-pipeline degrade` leaves them: `lr/` and `hr/` below one folder."""

from __future__ import annotations

from pathlib import Path

from data.errors import UsageError
from data.images.files import load_rgb
from data.images.rgb import RGB


def degraded_pairs(folder: Path) -> tuple[list[RGB], list[RGB]]:
    """Every LR image of `folder` in the order of the names, and the HR image of each.

    Raises UsageError where there is none, ImageError where one cannot be read or has no HR.
    """
    files = sorted((folder / "lr").rglob("*.png"))
    if not files:
        raise UsageError(f"{folder / 'lr'} holds no PNG files")
    lr = [load_rgb(file) for file in files]
    return lr, [load_rgb(folder / "hr" / file.relative_to(folder / "lr")) for file in files]
