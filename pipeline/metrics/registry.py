"""Every metric of image quality by its key: ours, then those of other packages."""

from __future__ import annotations

import functools
from importlib.metadata import entry_points
from typing import Final

from data.errors import UsageError
from pipeline.metrics.base import Metric
from pipeline.metrics.image_quality import LR_CONSISTENCY, PSNR_RGB, PSNR_Y, SSIM

GROUP: Final = "sr_pipeline.metrics"
"""Entry points by which other packages add metrics."""

OURS: Final = (PSNR_RGB, PSNR_Y, SSIM, LR_CONSISTENCY)


@functools.cache
def image_metrics() -> tuple[Metric, ...]:
    """Every metric, in the order of the columns.

    Raises UsageError when an entry point is no `Metric`, or two have one key.

    >>> [metric.key for metric in image_metrics()][:2]
    ['psnr_rgb', 'psnr_y']
    """
    found = {metric.key: metric for metric in OURS}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        metric = entry.load()
        if not isinstance(metric, Metric):
            raise UsageError(f"entry point {GROUP}: {entry.value} is no Metric")
        if metric.key in found:
            raise UsageError(f"entry point {GROUP}: two metrics are called {metric.key!r}")
        found[metric.key] = metric
    return tuple(found.values())
