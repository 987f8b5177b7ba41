"""The end of a run: its evidence and its page, written when tables and images are there."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from pipeline.environment.messages import tell
from pipeline.evidence.log import RunRecord, write_evidence
from pipeline.report.run_page.write import write_run_page


class RunJob(Protocol):
    """What the end of a run needs of its job."""

    @property
    def out(self) -> Path:
        """The run's folder."""

    @property
    def device(self) -> str:
        """The device that was asked for."""

    def settings(self) -> dict[str, object]:
        """What the rows depend on."""


def close_run(
    job: RunJob,
    record: RunRecord,
    rows: Iterable[Mapping[str, Any]],
    *,
    interrupted: bool,
    quiet: bool = False,
) -> None:
    """Write evidence.json and report.html into the run's folder.

    `rows` are the journal's. Raises `OutputError` when the folder cannot be written.
    """
    tell("writing evidence.json and report.html", quiet=quiet)
    write_evidence(
        job.out,
        record,
        settings=job.settings(),
        rows=rows,
        device=_device_name(job.device),
        interrupted=interrupted,
    )
    write_run_page(job.out)


def _device_name(wanted: str) -> str:
    """Where networks ran; interpolation, which loads no torch, runs on the CPU."""
    if "torch" not in sys.modules:
        return "cpu"
    from pipeline.environment.devices import resolve_device

    return str(resolve_device(wanted))
