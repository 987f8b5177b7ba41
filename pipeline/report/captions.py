"""One row of the compare table as a reader wants it: its boxes, and its figures in a few words."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from data.boxes import Box
from pipeline.report.data import Report

Record = Mapping[str, object]


def records_of(report: Report, images: Collection[str]) -> dict[tuple[str, str], Record]:
    """The rows of these images by (method, image)."""
    few = report.rows[report.rows["image"].isin(list(images))]
    records: list[Record] = [{str(k): v for k, v in r.items()} for r in few.to_dict("records")]
    return {(str(r["method"]), str(r["image"])): r for r in records}


def box_of(record: Record, prefix: str = "") -> Box | None:
    """The box that was found or, with the prefix `truth_`, the ground truth, in HR pixels."""
    edges = [_float(record, f"{prefix}{edge}") for edge in ("left", "top", "right", "bottom")]
    left, top, right, bottom = edges
    if left is None or top is None or right is None or bottom is None:
        return None
    return Box(left, top, right, bottom)


def caption_of(record: Record) -> str:
    """Such as "IoU 0.83 · 24.1 dB", "missed · 20.1 dB" or "error"; empty for an empty record."""
    if record.get("error"):
        return "error"
    parts = []
    if record.get("truth"):
        parts.append(f"IoU {_float(record, 'iou') or 0.0:.2f}" if record.get("found") else "missed")
    elif record:
        parts.append("found" if record.get("found") else "nothing found")
    psnr = _float(record, "psnr_rgb")
    if psnr is not None:
        parts.append(f"{psnr:.1f} dB")
    return " · ".join(parts)


def _float(record: Record, name: str) -> float | None:
    value = record.get(name)
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
