"""Give a face a name, or say why not.

A name is given only when a measured rule holds for this gallery size, face width, degradation,
number of frames and upscaler, and both its thresholds are met. Restored images are not evidence of
identity, and a name is a lead to be checked, never a finding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.identity.cohorts import Likeness, View, load_cohorts
from pipeline.identity.embedding import Embedding
from pipeline.identity.gallery import Gallery
from pipeline.identity.normalise import standings
from pipeline.identity.thresholds import Fingerprints, Rule, Table

__all__ = ["Identifier", "IdentityResult", "Probe", "Reason", "upscaler_digest"]

Reason = Literal[
    "",
    "too small",
    "too degraded",
    "too close to another",
    "too unlike anyone",
    "too few frames",
    "gallery image too poor",
    "not calibrated",
]


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """A face, or the faces of one track, to be named."""

    embedding: Embedding
    """`(128,)` of dlib, see `FaceEmbedder.faces`; of a track the weighted mean."""
    face_px: float
    """Width of the face in pixels of the image before it was enlarged."""
    degradation: str
    """A bucket of `quality.measure`."""
    frames: int = 1


@dataclass(frozen=True, slots=True)
class IdentityResult:
    """The closest person of the gallery, and whether that is enough to say the name."""

    identity: str
    """The closest person, named or not."""
    distance: float
    """Euclidean distance of the embeddings, for people; the decision does not use it."""
    similarity: float
    """How far that person stands out (`normalise.standings`)."""
    margin: float | None
    """By how much the second person is less similar; None in a gallery of one."""
    threshold: float | None
    """Least similarity for a name; None where there is no rule."""
    accepted: bool | None
    """None where there is no rule: no verdict, never a yes."""
    reason: Reason = ""
    """Why there is no name."""
    note: str = ""
    """The reason at length."""

    @property
    def name(self) -> str:
        """The name that is given; empty when none is."""
        return self.identity if self.accepted else ""


@dataclass(frozen=True)
class Identifier:
    """Names faces; pickles small, and loads its networks in the process that calls it.

    `fpir` is the share of strangers who get a name, over the whole gallery. `fingerprints` are
    those of this run, by upscaler: a rule that was measured with others gives no verdict.
    `views` holds the gallery seen as probes are, `(n, 128)` for each view (`views.seen_people`).
    """

    gallery: Gallery
    table: Table = field(repr=False)
    fingerprints: dict[str, Fingerprints] = field(default_factory=dict, repr=False)
    fpir: float = 0.01
    cohorts: Likeness = field(default_factory=load_cohorts, repr=False)
    views: Mapping[View, Embedding] = field(default_factory=dict, repr=False)

    def describe(self) -> dict[str, object]:
        """What verdicts depend on, JSON-ready."""
        import hashlib

        table = hashlib.sha256(self.table.as_json().encode()).hexdigest()[:16]
        return {
            **self.gallery.describe(),
            "calibration_sha256": table,
            "cohorts_sha256": {name: one.cohort for name, one in self.fingerprints.items()},
            "views": [f"{view.upscaler}@{view.width:g}" for view in sorted(self.views)],
            "fpir": self.fpir,
        }

    def __call__(self, probe: Probe, upscaler: str) -> IdentityResult:
        """Name a face that was enlarged by `upscaler`, or say why not."""
        similar = self._similarities(probe, upscaler)
        order = np.argsort(-similar)
        best = int(order[0])
        margin = float(similar[best] - similar[order[1]]) if len(order) > 1 else None
        similarity = float(standings(similar[None])[0])
        person = self.gallery.people[best]
        distance = float(np.linalg.norm(self.gallery.embeddings[best] - probe.embedding))
        found = self.table.find(
            upscaler,
            self._fingerprints(upscaler),
            face_px=probe.face_px,
            degradation=probe.degradation,
            frames=probe.frames,
            people=len(self.gallery.people),
            fpir=self.fpir,
        )
        reason, note = _reason(found.rule, similarity, margin)
        if found.rule is None:
            reason, note = _as_reason(found.reason), found.note
        elif person in self.gallery.poor:
            reason, note = "gallery image too poor", f"no image of {person} is good enough"
        return IdentityResult(
            identity=person,
            distance=distance,
            similarity=similarity,
            margin=margin,
            threshold=found.rule.similarity if found.rule else None,
            accepted=None if found.rule is None else not reason,
            reason=reason,
            note=note,
        )

    def _similarities(self, probe: Probe, upscaler: str) -> NDArray[np.float32]:
        view = self.cohorts.view(upscaler, probe.face_px)
        seen = None if view is None else self.views.get(view)
        found: NDArray[np.float32] = self.cohorts.similarities(
            probe.embedding[None], self.gallery.embeddings, view, seen
        )[0]
        return found

    def _fingerprints(self, upscaler: str) -> Fingerprints:
        return self.fingerprints.get(upscaler, Fingerprints("unknown", "unknown", "unknown"))


def upscaler_digest(name: str) -> str | None:
    """Hash of an upscaler's weight file; None for what is not a network of ours or a file."""
    from pathlib import Path

    from data.regular_files import is_regular
    from gflmser.cards import WeightsError
    from gflmser.weight_files import digest
    from gflmser.weights import find

    try:
        return digest(Path(name) if is_regular(Path(name)) else find(name))
    except WeightsError:
        return None


def _reason(rule: Rule | None, similarity: float, margin: float | None) -> tuple[Reason, str]:
    if rule is None:
        return "not calibrated", ""
    if similarity < rule.similarity:
        return "too unlike anyone", f"similarity {similarity:.2f} of {rule.similarity:.2f}"
    if margin is not None and margin < rule.margin:
        return "too close to another", f"margin {margin:.2f} of {rule.margin:.2f}"
    return "", ""


def _as_reason(text: str) -> Reason:
    known: dict[str, Reason] = {"too small": "too small", "too degraded": "too degraded"}
    return known.get(text, "not calibrated")
