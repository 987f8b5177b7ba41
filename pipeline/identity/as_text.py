"""Answers of `identify` as a table for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tabulate import tabulate

from pipeline.environment.provenance import NOTICE
from pipeline.identity.answers import UNCALIBRATED, Answer, score

ROWS: Final = 50
FALSE_NAMES: Final = (
    "A name is a lead to be checked, never a finding: about one stranger in a hundred gets a name. "
    "The closest strangers seen were mostly East Asian or Black people; rates by group are unknown."
)


def identification_text(answers: Sequence[Answer], images: int) -> str:
    """The first answers, how many there are of each verdict, and the score where there is one."""
    rows = [
        {
            "image": answer.image,
            "closest": answer.identity,
            "frames": answer.frames,
            "similarity": _figure(answer.similarity),
            "needed": _figure(answer.threshold),
            "name": answer.name or f"- ({answer.reason or answer.verdict})",
        }
        for answer in answers[:ROWS]
    ]
    verdicts = ("accepted", "rejected", UNCALIBRATED)
    counted = ", ".join(f"{sum(a.verdict == v for a in answers)} {v}" for v in verdicts)
    lines = [tabulate(rows, headers="keys", disable_numparse=True), ""] if rows else []
    if len(answers) > ROWS:
        lines.insert(1, f"... and {len(answers) - ROWS} more faces")
    lines.append(f"{images} images, {len(answers)} faces: {counted}")
    result = score(answers)
    if result.rank_1 is not None:
        lines.append(
            f"of {result.n} faces whose person is known and in the gallery: closest is right "
            f"{result.rank_1:.1%}, accepted and right {result.accepted_right:.1%}, "
            f"accepted and wrong {result.accepted_wrong:.1%}"
        )
    return "\n".join([*lines, FALSE_NAMES, NOTICE])


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
