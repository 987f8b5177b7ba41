"""`sr-pipeline benchmark`: which tables, in which order, and what could not be made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from benchmarks.context import Bench
from benchmarks.image_sets import MissingDataError
from benchmarks.tables.degraded import degraded
from benchmarks.tables.document import Sheet
from benchmarks.tables.figures import figures
from benchmarks.tables.identity import identity
from benchmarks.tables.real import real
from benchmarks.tables.table1 import table1
from benchmarks.tables.table2 import table2
from benchmarks.tables.table3 import table3
from benchmarks.tables.table4 import table4
from data.atomic import write_json

Name = Literal[
    "table1",
    "table2",
    "table3",
    "table4",
    "degraded",
    "real",
    "identity",
    "figures",
    "speed",
    "all",
]
TABLES: Final[Mapping[str, Callable[[Bench], Sheet]]] = {
    "table1": table1,
    "table2": table2,
    "table3": table3,
    "table4": table4,
    "degraded": degraded,
    "real": real,
    "identity": identity,
}
_SPEED_IMAGES: Final = 1000
_SPEED_REPEATS: Final = 3


@dataclass(frozen=True, slots=True)
class Done:
    """What was made, and one line for each thing that was not."""

    sheets: list[Sheet] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def content(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "tables": {sheet.name: sheet.content() for sheet in self.sheets},
            "files": [str(path) for path in self.files],
            "missing": self.missing,
        }


def benchmark(name: Name, bench: Bench, out: Path) -> Done:
    """Make what is asked for below `out`; what lacks its data is skipped and told.

    `all` is every table and the figures; speed is apart, for it needs an idle machine.
    """
    wanted: Sequence[str] = (*TABLES, "figures") if name == "all" else (name,)
    done = Done()
    for one in wanted:
        try:
            _make(one, bench, out, done)
        except MissingDataError as error:
            done.missing.append(f"{one}: {error}")
    return done


def _make(name: str, bench: Bench, out: Path, done: Done) -> None:
    if name == "figures":
        written, missing = figures(bench, out)
        done.files.extend(written)
        done.missing.extend(missing)
    elif name == "speed":
        done.files.append(_speed(bench, out))
    else:
        sheet = TABLES[name](bench)
        sheet.write(out)
        done.sheets.append(sheet)
        done.missing.extend(f"{name}: {line}" for line in sheet.missing)


def _speed(bench: Bench, out: Path) -> Path:
    from benchmarks.speed import measure

    source, listed = bench.data / "lfw", bench.data / "splits" / "lfw-test-table4.csv"
    if not source.is_dir():
        raise MissingDataError(f"needs {source}: LFW as folders of people")
    count = bench.most(_SPEED_IMAGES) or _SPEED_IMAGES
    result = measure(source, listed if listed.is_file() else None, count, _SPEED_REPEATS)
    write_json(out / "speed.json", result)
    return out / "speed.json"
