"""The table of a report: which figures stand in it, how they are rounded, which are best."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pipeline.evaluation.summary import Cell
from pipeline.metrics.registry import image_metrics
from pipeline.report.data import Report


@dataclass(frozen=True, slots=True)
class Column:
    """A figure of the table; in every one that is `ranked` the highest, or lowest, is the best.

    iou_hit is not: each method has its mean over other images, and who finds only easy faces
    would be best.
    """

    key: str
    title: str
    digits: int
    """Behind the point; below zero: significant ones."""
    hint: str
    ranked: bool = True
    lowest: bool = False


@dataclass(frozen=True, slots=True)
class TableCell:
    """One figure as shown. `value` is None and `text` a dash where there is none."""

    value: float | None
    text: str
    interval: str = ""
    best: bool = False


@dataclass(frozen=True, slots=True)
class TableRow:
    """One method; `cells` are in the order of the table's columns."""

    method: str
    oracle: bool
    cells: tuple[TableCell, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The columns that hold any figure, and the rows in two blocks that are never ranked as one."""

    columns: tuple[Column, ...]
    deployable: tuple[TableRow, ...]
    oracle: tuple[TableRow, ...]


ORACLE: Final = "oracle: restored with the ground truth in view, not to be ranked with the others"
PSEUDO: Final = "Pseudo ground truth: the largest face that the same detector finds on HR."
INTERVAL: Final = "In brackets: 95 % interval, bootstrap over images."

COLUMNS: Final = (
    Column("n", "n", 0, "images with ground truth", ranked=False),
    Column("found", "Found", 3, "share of n in which a face is found"),
    Column("accuracy", "Accuracy", 3, "share of n in which the face is found with IoU ≥ 0.5"),
    Column("iou_all", "IoU (all)", 3, "mean IoU over n, a miss counting 0"),
    Column("iou_hit", "IoU (hits)", 3, "mean IoU over the faces found", ranked=False),
    *(
        Column(m.key, m.title, m.digits, m.hint, lowest=not m.higher_is_better)
        for m in image_metrics()
    ),
    Column("images_per_s", "Images/s", 1, "restored per second"),
    Column("tar_at_far_1e-2", "TAR@1 %", 3, "true accept rate at a false accept rate of 1 %"),
    Column("tar_at_far_1e-3", "TAR@0.1 %", 3, "true accept rate at a false accept rate of 0.1 %"),
    Column("verification_accuracy", "Verif. acc.", 3, "share of pairs judged rightly"),
)

"""The columns of `compare`, in their order; one that holds no figure is not shown."""


def table(report: Report) -> Table:
    """The summary's figures; see `make_table`."""
    return make_table(report.summary, COLUMNS)


def make_table(rows: Sequence[Mapping[str, Cell]], columns: Sequence[Column]) -> Table:
    """Rows with `method`, `oracle` and any of `columns`, formatted; the best is marked.

    Columns without any figure are left out. All methods whose shown figures tie are best; a single
    figure is not the best of anything.
    """
    columns = tuple(c for c in columns if any(_shown(row, c.key) for row in rows))
    blocks = [
        [row for row in rows if bool(row.get("oracle")) is oracle] for oracle in (False, True)
    ]
    deployable, oracle = (_block(rows, columns) for rows in blocks)
    return Table(columns, deployable, oracle)


def counts(report: Report) -> str:
    """How many images there were and count, how often HR shows a face, what the truth is."""
    first = report.summary[0]
    parts = []
    if (total := number(first, "n_images")) is not None:
        parts.append(f"{total:.0f} images")
    if (n := number(first, "n")) is not None:
        parts.append(f"{n:.0f} with ground truth")
    if excluded := number(first, "n_excluded"):
        parts.append(f"{excluded:.0f} without it excluded")
    if errors := max(number(row, "n_errors") or 0.0 for row in report.summary):
        parts.append(f"{errors:.0f} with an error")
    if (hr := number(first, "hr_found")) is not None:
        parts.append(f"a face found on HR in {100 * hr:.1f} %")
    text = f"{', '.join(parts)}." if parts else ""
    return f"{text} {PSEUDO}".strip() if report.protocol.get("ground_truth") == "pseudo" else text


def _block(rows: Sequence[Mapping[str, Cell]], columns: Sequence[Column]) -> tuple[TableRow, ...]:
    best = {c.key: _best(rows, c) for c in columns}
    return tuple(
        TableRow(
            str(row["method"]),
            bool(row.get("oracle")),
            tuple(_cell(row, c, best[c.key]) for c in columns),
        )
        for row in rows
    )


def _best(rows: Sequence[Mapping[str, Cell]], column: Column) -> str | None:
    values = [v for row in rows if (v := number(row, column.key)) is not None]
    if not column.ranked or len(values) < 2:
        return None
    return _format(min(values) if column.lowest else max(values), column)


def _cell(row: Mapping[str, Cell], column: Column, best: str | None) -> TableCell:
    value = number(row, column.key)
    if value is None:
        return TableCell(None, _shown(row, column.key) or "–")
    text = _format(value, column)
    lo, hi = (number(row, f"{column.key}_{end}") for end in ("lo", "hi"))
    interval = "" if lo is None or hi is None else f"{_format(lo, column)}, {_format(hi, column)}"
    return TableCell(value, text, interval, best=text == best)


def _shown(row: Mapping[str, Cell], key: str) -> str:
    """What stands in a cell, words too; empty where it is a dash."""
    value = row.get(key)
    return value if isinstance(value, str) else "" if number(row, key) is None else str(value)


def number(row: Mapping[str, Cell], key: str) -> float | None:
    """A figure of a summary row; None where it is missing, not finite or no number."""
    value = row.get(key)
    if isinstance(value, str | None) or not math.isfinite(value):
        return None
    return float(value)


def _format(value: float, column: Column) -> str:
    if column.digits < 0:
        return f"{value:.{-column.digits}g}"
    digits = 0 if column.key == "images_per_s" and value >= 100 else column.digits
    return f"{value:.{digits}f}"
