"""Writes case.pdf of a run folder from its tables, images and evidence.json."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from PIL import Image

from data.atomic import whole_file
from data.errors import UsageError
from data.images.rgb import RGB
from data.safe_text import one_line
from pipeline.environment.provenance import NOTICE
from pipeline.evidence.hashes import file_sha256
from pipeline.evidence.schema import FILE_NAME, read_evidence
from pipeline.report.case_pdf import words
from pipeline.report.case_pdf.layout import Document
from pipeline.report.run_page.facts import STATES, facts_of
from pipeline.report.run_page.folder import RunFolder, read_run
from pipeline.report.run_page.images import CardImages, consistency

FACES: Final = 300
"""Faces in the document at most; the page and the tables hold all of them."""
INPUTS: Final = 500
_SIDE: Final = 256
_LABELS: Final = (
    ("px", "face width", "{:.1f} px"),
    ("dori", "size class", "{}"),
    ("score", "score", "{:.3f}"),
    ("look", "quality", "{}"),
    ("lr", "LR consistency", "{:.1f} dB"),
    ("spread", "spread, mirrored", "{:.1f} grey levels"),
    ("sigma", "sigma, expected error", "{:.1f} grey levels"),
    ("name", "closest person", "{}"),
    ("similarity", "similarity", "{:.2f}"),
    ("threshold", "similarity needed", "{:.2f}"),
    ("fpir", "FPIR", "{:.2%}"),
    ("frames", "frames", "{}"),
    ("reason", "why no name", "{}"),
    ("dropped", "why dropped", "{}"),
    ("time", "time of day", "{}"),
    ("seconds", "in the video at", "{:.2f} s"),
    ("error", "error", "{}"),
)


def write_case_pdf(directory: Path) -> Path:
    """Write `directory`/case.pdf and return it.

    Equal folders give equal documents: the date is that of the run. Raises `UsageError` without
    evidence.json or without fpdf2, `OutputError` when the file cannot be written.
    """
    evidence = read_evidence(directory)
    run = read_run(directory)
    started = _date(evidence["run"]["started"], directory)
    document = Document(title=f"sr-pipeline {run.command}", foot=NOTICE, created=started)
    _front(document, directory, evidence)
    _originals(document, evidence["inputs"])
    _steps(document, evidence["steps"])
    _results(document, run)
    _limits(document)
    _tools(document, evidence)
    target = directory / "case.pdf"
    with whole_file(target) as temporary:
        document.save(temporary)
    return target


def _date(text: str, directory: Path) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{directory / FILE_NAME}: {one_line(error)}") from error


def _front(document: Document, directory: Path, evidence: Mapping[str, Any]) -> None:
    run = evidence["run"]
    document.heading(f"Image examination record: {run['command']}", level=1)
    document.paragraph(NOTICE, bold=True)
    document.paragraph(words.PURPOSE)
    if run["interrupted"]:
        document.paragraph("The run was interrupted: not every image was processed.", bold=True)
    document.facts(
        [
            ("Note of the operator", evidence["note"] or "none"),
            ("Command", run["command_line"]),
            ("Started", run["started"]),
            ("Finished", run["finished"]),
            ("Inputs", f"{len(evidence['inputs'])} images"),
            ("Outputs", f"{len(evidence['outputs'])} files"),
            ("sha256 of evidence.json", file_sha256(directory / FILE_NAME)),
        ]
    )


def _originals(document: Document, inputs: Sequence[Mapping[str, Any]]) -> None:
    document.heading("1. Originals")
    document.paragraph(
        "Each file by its sha256. The files themselves were opened for reading only."
    )
    document.facts([(entry["key"], _input_words(entry)) for entry in inputs[:INPUTS]])
    if len(inputs) > INPUTS:
        document.paragraph(f"{len(inputs) - INPUTS} more stand in evidence.json.")


def _input_words(entry: Mapping[str, Any]) -> str:
    size = f"{entry['width']}x{entry['height']} px, " if "width" in entry else ""
    region = f", region {entry['region']}" if "region" in entry else ""
    hashed = f"sha256 {entry['sha256']}" if "sha256" in entry else "no file"
    error = f"; error: {entry['error']}" if "error" in entry else ""
    return f"{size}{hashed}{region}{error}"


def _steps(document: Document, steps: Sequence[Mapping[str, Any]]) -> None:
    document.heading("2. Steps")
    for number, step in enumerate(steps, 1):
        document.paragraph(f"{number}. {step['step']}: {step['method']}")
        pairs = [(name, _value(value)) for name, value in step["parameters"].items()]
        if step.get("reference"):
            pairs.append(("reference", step["reference"]))
        document.facts(pairs)


def _value(value: object) -> str:
    if value is None:
        return "the method's own"
    return value if isinstance(value, str) else json.dumps(value)


def _results(document: Document, run: RunFolder) -> None:
    document.heading("3. Results")
    document.paragraph(
        "Native pixels first, each shown as a square; beside them what the network made of them."
    )
    images = CardImages(run)
    for row in run.rows[:FACES]:
        facts = facts_of(row, has_faces=run.has_faces)
        native, restored = images.pair(row)
        if (agreement := consistency(native, restored)) is not None:
            facts.setdefault("lr", agreement)
        pair = [
            (_enlarged(rgb), caption)
            for rgb, caption in (
                (native, f"native, {_size(native)}"),
                (restored, f"restored, {_size(restored)}: not evidence of identity"),
            )
            if rgb is not None
        ]
        document.images(pair, list(_lines(facts)))
    if len(run.rows) > FACES:
        document.paragraph(f"{len(run.rows) - FACES} more stand in the tables and in report.html.")


def _lines(facts: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    number = facts.get("face")
    image = str(facts.get("image", ""))
    yield "image", f"{image}, face {number + 1}" if isinstance(number, int) else image
    yield "status", STATES[facts["state"]]  # type: ignore[index]
    if isinstance(rate := facts.get("fp"), float):
        per = "a frame" if facts.get("fpPer") == "frame" else "of a faceless crop"
        yield "false positives", f"{rate:.2g} {per}"
    for key, label, form in _LABELS:
        if key in facts:
            yield label, form.format(facts[key])


def _size(rgb: RGB | None) -> str:
    return "" if rgb is None else f"{rgb.shape[1]}x{rgb.shape[0]} px"


def _enlarged(rgb: RGB) -> Image.Image:
    """By whole multiples with nearest neighbour, or reduced where it is large already."""
    image = Image.fromarray(rgb)
    if max(image.size) > _SIDE:
        image.thumbnail((_SIDE, _SIDE))
        return image
    factor = max(1, _SIDE // max(image.size))
    size = (image.width * factor, image.height * factor)
    return image.resize(size, Image.Resampling.NEAREST)


def _limits(document: Document) -> None:
    document.heading("4. Limits")
    document.bullets(words.LIMITS)
    document.heading("5. Practice")
    document.bullets(words.PRACTICE)
    document.paragraph(words.NO_CLAIM)


def _tools(document: Document, evidence: Mapping[str, Any]) -> None:
    software, compute = evidence["software"], evidence["compute"]
    document.heading("6. Tools")
    document.facts(
        [
            ("sr-pipeline", f"{software['version']}, commit {software['commit']}"),
            ("Python, platform", f"{software['python']}, {software['platform']}"),
            ("Device, precision", f"{compute['device']}, {compute['precision']}"),
            ("Libraries", ", ".join(f"{k} {v}" for k, v in software["libraries"].items())),
            *(
                (f"{model['role']} {model['name']}", f"{model['file']}, sha256 {model['sha256']}")
                for model in evidence["models"]
            ),
        ]
    )
