"""Rows of a run become CSV and Parquet, streamed: memory does not grow with the number of rows."""

import csv
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Final, get_type_hints

from data.atomic import whole_file
from data.safe_text import printable, safe_cell
from pipeline.engine.journal import Row

Columns = Mapping[str, type]
"""Name and type (str, int, float, bool) of each column, in order; any value may be missing."""

_KINDS: Final = {"int": int, "float": float, "bool": bool}
_PARQUET_GROUP: Final = 1_000
_CSV_BLOCK: Final = 1 << 20


def column_types(row: type) -> Columns:
    """Columns of a row's dataclass: `int | None` is int, text and literals are str."""
    hints = get_type_hints(row)
    return {
        field.name: next((k for n, k in _KINDS.items() if n in str(hints[field.name])), str)
        for field in fields(row)
    }


def write_csv(rows: Iterable[Row], columns: Columns, path: Path) -> None:
    """Write the rows as UTF-8 CSV, whole; missing values are empty, other keys left out."""
    with (
        whole_file(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, list(columns), extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(
            {name: _cell(row[name]) for name in columns if name in row} for row in rows
        )


def _cell(value: object) -> object:
    """No text is a formula to a spreadsheet; Python 3.11 does not quote a carriage return."""
    return safe_cell(printable(value, keep="\n")) if isinstance(value, str) else value


def write_parquet(rows: Iterable[Row], columns: Columns, path: Path) -> None:
    """Write the rows as Parquet, whole; missing values are nulls."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema(columns)
    with whole_file(path) as temporary, pq.ParquetWriter(temporary, schema) as writer:
        for group in _groups(iter(rows)):
            writer.write_table(pa.Table.from_pylist(group, schema=schema))


def parquet_of_csv(table: Path, columns: Columns, path: Path) -> None:
    """Write what `write_csv` wrote as Parquet, whole; empty cells are nulls.

    Spares the start of pandas, which `write_parquet` makes pyarrow import.
    """
    import pyarrow.csv as pc
    import pyarrow.parquet as pq

    schema = _schema(columns)
    convert = pc.ConvertOptions(column_types=schema, strings_can_be_null=True)
    parse = pc.ParseOptions(newlines_in_values=True)
    read = pc.ReadOptions(block_size=_CSV_BLOCK, use_threads=False)
    with (
        pc.open_csv(table, read, parse, convert) as batches,
        whole_file(path) as temporary,
        pq.ParquetWriter(temporary, schema) as writer,
    ):
        for batch in batches:
            writer.write_batch(batch)


def _schema(columns: Columns) -> Any:  # noqa: ANN401 - pyarrow has no type information
    import pyarrow as pa

    kinds = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    return pa.schema([(name, kinds[kind]) for name, kind in columns.items()])


def _groups(rows: Iterator[Row]) -> Iterator[list[dict[str, object]]]:
    while group := [dict(row) for row in itertools.islice(rows, _PARQUET_GROUP)]:
        yield group
