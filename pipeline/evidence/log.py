"""Writes evidence.json of a run: inputs, models, steps and outputs with their hashes."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from data.atomic import write_json
from pipeline.environment.provenance import NOTICE, provenance
from pipeline.evidence.hashes import file_sha256
from pipeline.evidence.inputs import INPUT
from pipeline.evidence.models import gallery_files, models_of
from pipeline.evidence.schema import FILE_NAME, VERSION
from pipeline.evidence.steps import steps_of

GALLERY_OPTIONS: Final = ("--gallery", "--identify")
_NOT_OUTPUTS: Final = ("journal.sqlite", ".part-", FILE_NAME, "report", "run.log")
_NOT_REPLAYED: Final = frozenset({"summary.json"})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True)
class RunRecord:
    """How a run was asked for, such that `replay` can ask for it again.

    `options` are words of the command line such as `--upscaler=gflmser`: every option that has a
    value, defaults and configuration files included; not where results go.
    """

    command: str
    inputs: tuple[str, ...]
    options: tuple[str, ...]
    note: str = ""
    started: str = field(default_factory=_now)
    folder: str = field(default_factory=lambda: str(Path.cwd()))

    def option(self, *names: str) -> str | None:
        """The value of the first of `names` (such as `--gallery`) that was given."""
        return option_value(self.options, *names)


def option_value(options: Iterable[str], *names: str) -> str | None:
    """The value behind `--name=` in words of a command line; None where it was not given."""
    given = dict(word.split("=", 1) for word in options if "=" in word)
    return next((given[name] for name in names if name in given), None)


def write_evidence(
    out: Path,
    record: RunRecord,
    *,
    settings: Mapping[str, object],
    rows: Iterable[Mapping[str, Any]],
    device: str,
    interrupted: bool,
) -> Path:
    """Write `out`/evidence.json and return it.

    `rows` are the journal's: the first of each image holds `input_entry` under `INPUT`. Every file
    in `out` is hashed but the journal, the log, the pages and evidence.json itself. Raises
    `OutputError` when the file cannot be written.
    """
    origin = provenance()
    kept = ("version", "commit", "python", "platform", "cores", "libraries")
    seed = record.option("--seed")
    document: dict[str, Any] = {
        "schema": VERSION,
        "notice": NOTICE,
        "note": record.note,
        "run": {
            "command": record.command,
            "inputs": list(record.inputs),
            "options": list(record.options),
            "command_line": origin["command"],
            "folder": record.folder,
            "started": record.started,
            "finished": _now(),
            "interrupted": interrupted,
        },
        "software": {
            **{name: origin[name] for name in kept},
            "machine": platform.machine(),
        },
        "compute": {
            "device": device,
            "precision": str(settings.get("precision", "fp32")),
            "seed": int(seed) if seed else None,
        },
        "inputs": list(_inputs(rows)),
        "models": [
            *(model.entry() for model in models_of(settings)),
            *(file.entry() for file in gallery_files(record.option(*GALLERY_OPTIONS))),
        ],
        "steps": steps_of(record.command, settings),
        "outputs": list(output_entries(out)),
    }
    write_json(out / FILE_NAME, document)
    return out / FILE_NAME


def output_entries(out: Path) -> Iterator[dict[str, Any]]:
    """Every result in `out` with its hash, sorted by path."""
    for path in sorted(out.rglob("*")):
        name = path.relative_to(out).as_posix()
        if not path.is_file() or name.startswith(_NOT_OUTPUTS) or path.name.startswith(".part-"):
            continue
        yield {
            "path": name,
            "bytes": path.stat().st_size,
            "sha256": file_sha256(path),
            "replayed": name not in _NOT_REPLAYED,
        }


def _inputs(rows: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for row in rows:
        if entry := row.get(INPUT):
            error = row.get("error")
            yield {**entry, "error": str(error)} if error else dict(entry)
