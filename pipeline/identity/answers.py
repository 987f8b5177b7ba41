"""Answers of `identify`, and how many are right where the probes' folders tell who they show."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

UNCALIBRATED: Final = "not calibrated"


@dataclass(frozen=True, slots=True)
class Answer:
    """The closest person to one face or track, and whether the name is given."""

    image: str
    face: int
    identity: str
    distance: float
    threshold: float | None
    accepted: bool | None
    """Whether the name is given; None where no rule holds: no verdict."""
    truth: str | None
    """Who the probe shows, by its manifest or else by a folder's name, if the gallery has them."""
    name: str = ""
    """The name that is given; empty when none is."""
    reason: str = ""
    """Why there is no name; see `identifier.Reason`."""
    similarity: float | None = None
    margin: float | None = None
    frames: int = 1
    """Frames of the track; 1 for a single image."""

    @property
    def verdict(self) -> str:
        """`accepted`, or the way of abstaining: `rejected` by a rule, or `not calibrated`."""
        if self.accepted is None:
            return UNCALIBRATED
        return "accepted" if self.accepted else "rejected"

    @property
    def right(self) -> bool | None:
        """Whether the closest person is the one of the folder; None where that is not known."""
        return None if self.truth is None else self.identity == self.truth


@dataclass(frozen=True, slots=True)
class Score:
    """How the answers whose truth is known came out; shares are of those, None where none is."""

    n: int
    rank_1: float | None
    """Share whose closest person is the right one, whatever the distance."""
    accepted_right: float | None
    accepted_wrong: float | None
    not_calibrated: int
    """Among all answers."""


def read_answers(
    detections: Path, people: Iterable[str], identities: Mapping[str, str] | None = None
) -> Iterator[Answer]:
    """The identified faces of a `detections.csv`, or tracks of a `tracks.csv`, in its order.

    `identities` says who is on an image (or on a video, whose frames are `VIDEO/NUMBER.png`), by
    its key in the table.
    """
    known = frozenset(people)
    with detections.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["identity"]:
                yield _answer(row, _truth(row["image"], known, identities or {}))


def score(answers: Iterable[Answer]) -> Score:
    """Count the answers whose truth is known."""
    answers = list(answers)
    known = [answer for answer in answers if answer.truth is not None]
    n = len(known)

    def share(count: int) -> float | None:
        return count / n if n else None

    return Score(
        n=n,
        rank_1=share(sum(answer.right is True for answer in known)),
        accepted_right=share(sum(a.accepted is True and a.right is True for a in known)),
        accepted_wrong=share(sum(a.accepted is True and a.right is False for a in known)),
        not_calibrated=sum(answer.accepted is None for answer in answers),
    )


def _truth(image: str, known: frozenset[str], identities: Mapping[str, str]) -> str | None:
    """Who is on the image: what the manifest says stands before what a folder is called."""
    video, _, _ = image.rpartition("/")
    said = identities.get(image) or identities.get(video)
    if said is not None:
        return said if said in known else None
    folders = PurePosixPath(image).parts[:-1]
    return next((folder for folder in reversed(folders) if folder in known), None)


def _answer(row: Mapping[str, str], truth: str | None) -> Answer:
    return Answer(
        image=row["image"],
        face=int(row["face"]),
        identity=row["identity"],
        distance=float(row["distance"]),
        threshold=float(row["threshold"]) if row["threshold"] else None,
        accepted=row["accepted"] == "True" if row["accepted"] else None,
        truth=truth,
        name=row.get("name") or "",
        reason=row.get("reason") or "",
        similarity=float(row["similarity"]) if row.get("similarity") else None,
        margin=float(row["margin"]) if row.get("margin") else None,
        frames=int(row.get("frames") or 1),
    )
