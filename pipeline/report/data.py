"""What `compare` left in its folder, read once and checked, for every part of the report."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

import numpy as np

from data.errors import UsageError
from data.regular_files import is_regular, read_text
from data.safe_text import one_line
from gflmser.names import checked_name
from pipeline.evaluation.summary import HR_METHOD, Cell
from pipeline.metrics.registry import OURS

if TYPE_CHECKING:
    import pandas as pd

LR: Final = "lr"
HR: Final = HR_METHOD

_COLUMNS: Final = (
    *("image", "method", "oracle", "truth", "found", "iou", "accurate"),
    *(metric.key for metric in OURS),
    "face_px",
    *("left", "top", "right", "bottom"),
    *("truth_left", "truth_top", "truth_right", "truth_bottom", "error"),
)


_BOXES: Final = (
    ("left", "top", "right", "bottom"),
    ("truth_left", "truth_top", "truth_right", "truth_bottom"),
)
_NUMBERS: Final = (
    *("iou", "psnr_rgb", "psnr_y", "ssim", "lr_consistency", "face_px"),
    *(edge for box in _BOXES for edge in box),
)


@dataclass(frozen=True, slots=True)
class Report:
    """A folder that `compare` wrote."""

    directory: Path
    protocol: Mapping[str, object]
    summary: tuple[Mapping[str, Cell], ...]
    """One row for each method, those that saw no ground truth first."""
    rows: pd.DataFrame
    """One row for each image and method, `hr` among them, no image twice for a method."""
    outputs: Mapping[str, str]
    """Where an image's PNG files lie below pictures/METHOD, as far as rows.parquet says it."""

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of the methods, those that saw no ground truth first; never lr or hr."""
        return tuple(str(row["method"]) for row in self.summary)

    @property
    def oracles(self) -> frozenset[str]:
        """The methods that were shown the ground truth."""
        return frozenset(str(row["method"]) for row in self.summary if row.get("oracle"))

    @property
    def seed(self) -> int:
        """The seed of the run, which also chooses the images that are shown."""
        settings = self.protocol.get("settings")
        places = (self.protocol, settings if isinstance(settings, dict) else {})
        return next((abs(s) for p in places if isinstance(s := p.get("seed"), int)), 0)

    @property
    def interruption(self) -> str:
        """A sentence that the run did not reach its end; empty for a whole one."""
        if self.protocol.get("interrupted") is not True:
            return ""
        done = self.protocol.get("images", self.protocol.get("pictures"))  # the key of earlier runs
        wanted = self.protocol.get("expected")
        return f"INTERRUPTED: {done} of {wanted or 'more'} images done; --resume goes on."

    @property
    def images(self) -> tuple[str, ...]:
        """Keys of all images, sorted."""
        return tuple(sorted(self.rows["image"].unique()))

    def image(self, method: str, image: str) -> Path | None:
        """The PNG file of `image` as `method` restored it (or `lr`, `hr`); None where absent."""
        name = PurePosixPath(self.outputs.get(image, image))
        if name.is_absolute() or ".." in name.parts or not name.name:
            return None
        file = self.directory / "pictures" / method / name.with_suffix(".png")
        return file if is_regular(file) else None


def read_report(directory: Path) -> Report:
    """Read rows.parquet and summary.json of `directory`.

    Raises `UsageError` with what is missing, or with what could not be read and why.
    """
    for name in ("rows.parquet", "summary.json"):
        if not (directory / name).is_file():
            raise UsageError(f"{directory} holds no {name}: name a folder that `compare` wrote")
    protocol, summary = _read_summary(directory / "summary.json")
    rows = _read_rows(directory / "rows.parquet")
    return Report(directory, protocol, summary, rows, _outputs(rows))


def shown_images(report: Report, limit: int) -> tuple[str, ...]:
    """At most `limit` images, sorted, chosen by the run's seed from those with any file."""
    views = (LR, *report.methods, HR)
    there = [key for key in report.images if any(report.image(v, key) for v in views)]
    if len(there) <= limit:
        return tuple(there)
    picks = np.random.default_rng(report.seed).choice(len(there), limit, replace=False)
    return tuple(there[i] for i in sorted(picks))


def typical_images(report: Report, each: int) -> tuple[tuple[str, str], ...]:
    """Pairs (kind, image): `each` of the best, the typical (around the median), the worst.

    Images with ground truth and a file are ranked by the mean IoU, then the mean PSNR, of the
    deployable methods. All are returned where there are few.
    """
    deployable = [m for m in report.methods if m not in report.oracles] or list(report.methods)
    rows = report.rows[report.rows["method"].isin(deployable) & report.rows["truth"].astype(bool)]
    means = rows.groupby("image")[["iou", "psnr_rgb"]].mean().fillna(0.0).round(6)
    ranked = means.sort_values(["iou", "psnr_rgb"], ascending=False, kind="stable").index
    keys = [str(key) for key in ranked if any(report.image(m, key) for m in deployable)]
    if len(keys) <= 3 * each:
        return tuple(("", key) for key in keys)
    middle = (len(keys) - each) // 2
    return tuple(
        (kind, key)
        for kind, part in (
            ("best", keys[:each]),
            ("typical", keys[middle : middle + each]),
            ("worst", keys[-each:]),
        )
        for key in part
    )


def _read_summary(
    file: Path,
) -> tuple[Mapping[str, object], tuple[Mapping[str, Cell], ...]]:
    try:
        content = json.loads(read_text(file), parse_constant=_no_constant)
        protocol, rows = content["protocol"], content["rows"]
        complete = all(isinstance(row["method"], str) for row in rows)
    except RecursionError:
        raise UsageError(f"{file} is no summary of `compare`: nested too deeply") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{file} is no summary of `compare`: {type(error).__name__}: {one_line(error)[:100]}"
        ) from error
    if not rows or not complete or not isinstance(protocol, dict):
        raise UsageError(f"{file} names no method")
    for row in rows:
        _check_method(row["method"], file)
        wrong = next((key for key, value in row.items() if not _is_cell(value)), None)
        if wrong is not None:
            raise UsageError(f"{file}: {one_line(wrong)} of {row['method']} is no figure")
    return protocol, tuple(sorted(rows, key=lambda row: bool(row.get("oracle"))))


def _check_method(name: str, file: Path) -> None:
    """The name of a method is the name of a folder of images."""
    try:
        checked_name(name)
    except ValueError as error:
        raise UsageError(f"{file}: {error}") from error


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no figure")


def _is_cell(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, str | int)


def _read_rows(file: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        rows = pd.read_parquet(file)
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read: {' '.join(str(error).split())}") from error
    if missing := [name for name in _COLUMNS if name not in rows]:
        raise UsageError(f"{file} lacks the column {missing[0]!r}")
    # A column of nothing but gaps has no type of its own.
    rows = rows.astype({name: float for name in _NUMBERS if rows[name].isna().all()})
    _check_cells(rows, file)
    return rows.drop_duplicates(["image", "method"], keep="last", ignore_index=True)


def _check_cells(rows: pd.DataFrame, file: Path) -> None:
    """Raise UsageError where a column holds something else than `compare` writes."""
    import pandas as pd

    for name in ("image", "method", *(("output",) if "output" in rows else ())):
        if not rows[name].map(lambda value: isinstance(value, str)).all():
            raise UsageError(f"{file}: {name} is not text everywhere")
    for name in _NUMBERS:
        if not pd.api.types.is_numeric_dtype(rows[name]):
            raise UsageError(f"{file}: {name} is not a number everywhere")
    for left, top, right, bottom in _BOXES:
        swapped = (rows[right] < rows[left]) | (rows[bottom] < rows[top])
        if bool(swapped.fillna(value=False).any()):
            raise UsageError(f"{file}: the corners of a box are swapped ({left}, {top})")


def _outputs(rows: pd.DataFrame) -> dict[str, str]:
    if "output" not in rows:
        return {}
    named = rows[rows["output"].fillna("") != ""]
    return dict(zip(named["image"], named["output"], strict=True))
