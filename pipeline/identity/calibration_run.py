"""`calibrate identity` from folders to a table with its provenance."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tabulate import tabulate

from data.atomic import whole_file
from data.errors import UsageError
from pipeline.environment.progress import progress_bar
from pipeline.environment.provenance import commit
from pipeline.identity.calibrate import PLAIN, PLAIN_WIDTHS, WIDTHS, calibrate
from pipeline.identity.embedders.likeness import likeness_of
from pipeline.identity.embedders.loading import DLIB, find_embedder
from pipeline.identity.identifier import upscaler_digest
from pipeline.identity.labelled import Subject, labelled_images, subjects
from pipeline.identity.normalise import MEASURE
from pipeline.identity.thresholds import Fingerprints, Provenance, Rule, Table, load_table
from pipeline.identity.views import Upscale

__all__ = ["calibrate_to_file", "fingerprints"]


def fingerprints(upscaler: str, embedder: str = DLIB) -> Fingerprints:
    """What rules for `upscaler` and an embedder are tied to in this installation."""
    cohort = f"{likeness_of(embedder).fingerprint(upscaler)}, {MEASURE}"
    return Fingerprints(upscaler_digest(upscaler), find_embedder(embedder).fingerprint, cohort)


def calibrate_to_file(
    folders: Sequence[Path],
    lists: Sequence[Path],
    upscalers: Sequence[str],
    out: Path,
    *,
    widths: str | None = None,
    most: int | None = None,
    embedder: str = DLIB,
    resume: bool = False,
    quiet: bool = False,
) -> str:
    """Measure each upscaler, update the table after each width, and return what a person reads.

    With `resume` widths that the table has, of the same networks and images, are left out.
    Raises `UsageError` when no face or fewer than eleven people are found.
    """
    run, likeness = find_embedder(embedder), likeness_of(embedder)
    people = _read(folders, lists, most, quiet=quiet)
    count = len({one.identity for one in people})
    if count < 11:
        raise UsageError(f"{count} people with a face in {folders[0]}: at least 11 are needed")
    table = load_table(out) if out.exists() else Table(())
    for name in upscalers:
        origin = _provenance(fingerprints(name, embedder), folders, lists, people, count)
        sizes = [w for w in _widths(widths, name) if not (resume and _has(table, name, w, origin))]
        function = _upscaler(name)
        for width in sizes:
            with progress_bar(None, unit="face", quiet=quiet) as bar:
                found = calibrate(
                    people,
                    function,
                    likeness,
                    name=name,
                    width=width,
                    progress=bar.update,
                    embedder=run,
                )
                table = table.updated(name, found, origin)
            with whole_file(out) as temporary:
                temporary.write_text(table.as_json(), encoding="utf-8")
    return _text([rule for rule in table.rules if rule.upscaler in upscalers])


def _has(table: Table, upscaler: str, width: float, origin: Provenance) -> bool:
    """Whether rules of that width, of the same networks and images, are in the table."""
    old = table.provenance.get(upscaler)
    measured = any((rule.upscaler, rule.face_px) == (upscaler, width) for rule in table.rules)
    return measured and old is not None and old.stands_beside(origin)


def _read(
    folders: Sequence[Path], lists: Sequence[Path], most: int | None, *, quiet: bool
) -> list[Subject]:
    if lists and len(lists) != len(folders):
        raise UsageError(f"{len(folders)} folders and {len(lists)} lists: one for each is needed")
    found: list[Subject] = []
    splits: Sequence[Path | None] = lists or [None] * len(folders)
    with progress_bar(None, unit="image", quiet=quiet) as bar:
        for folder, split in zip(folders, splits, strict=True):
            labels = list(labelled_images(folder, split, most))
            found += subjects(folder, labels, lambda: bar.update(1))
    return found


def _widths(text: str | None, upscaler: str) -> Sequence[float]:
    if text is None:
        return PLAIN_WIDTHS if upscaler == PLAIN else WIDTHS
    try:
        return [float(width) for width in text.split(",")]
    except ValueError as error:
        raise UsageError(f"--widths are numbers with commas, not {text!r}") from error


def _upscaler(name: str) -> Upscale:
    if name == PLAIN:
        return list
    from pipeline.upscalers.loading import load_upscaler

    upscaler: Callable[..., list] = load_upscaler(name, device="cpu", threads=1)  # type: ignore[type-arg]
    return upscaler


def _provenance(
    prints: Fingerprints,
    folders: Sequence[Path],
    lists: Sequence[Path],
    people: Sequence[Subject],
    count: int,
) -> Provenance:
    sets = ", ".join(path.name for path in lists or folders)
    return Provenance(
        data=f"{sets}: {len(people)} images of {count} people with a face",
        command=shlex.join(["sr-pipeline", *sys.argv[1:]]),
        commit=commit(),
        date=datetime.now(UTC).date().isoformat(),
        fingerprints=prints,
    )


def _text(rules: Sequence[Rule]) -> str:
    rows = [
        {
            "upscaler": rule.upscaler,
            "width": f"{rule.face_px:g}",
            "looks": rule.degradation,
            "frames": rule.frames,
            "people": rule.people,
            "FPIR": f"{rule.fpir:g}",
            "similarity": f"{rule.similarity:.2f}",
            "margin": f"{rule.margin:g}",
            "right": f"{rule.tpir:.3f}",
            "wrong": f"{rule.wrong:.3f}",
        }
        for rule in rules
    ]
    return tabulate(rows, headers="keys", disable_numparse=True)
