"""The cohorts that ship: of good images, and of faces seen small and restored by an upscaler.

A restored face of 11 pixels lies elsewhere among the embeddings than a good image of the same
person, and everybody lies closer together there. So each view (an upscaler and a face width) has a
cohort of its own. A gallery is compared twice: as it is, and seen as the probe was seen.
`benchmarks/tools/make_cohorts.py` makes the file from training faces.
"""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import numpy as np

from data.errors import ModelError
from pipeline.identity.embedding import Embedding
from pipeline.identity.normalise import Cohort, Floats, normalised

__all__ = ["SHIPPED", "Cohorts", "Likeness", "View", "load_cohorts", "tensors_of"]

SHIPPED: Final = Path(__file__).with_name("cohort.safetensors")
SEEN_SHARE: Final = 0.4
"""Weight of the gallery seen as the probe was; 0.4 and 0.5 were equal on lfw-val and celeba-val."""
_PLAIN: Final = "plain"


class View(NamedTuple):
    """How a probe was seen: its upscaler, and the width of its face in pixels."""

    upscaler: str
    width: float


class Likeness(Protocol):
    """How alike probes are to a gallery: `Cohorts`, or a plain measure without any."""

    def __hash__(self) -> int:
        """Views are kept by it."""

    @property
    def views(self) -> Mapping[View, Cohort]:
        """Views in which a gallery is seen too."""

    def view(self, upscaler: str, width: float) -> View | None:
        """See `Cohorts.view`."""

    def similarities(
        self, probes: Embedding, known: Embedding, view: View | None, seen: Embedding | None
    ) -> Floats:
        """See `Cohorts.similarities`."""

    def fingerprint(self, upscaler: str) -> str:
        """See `Cohorts.fingerprint`."""


@dataclass(frozen=True, eq=False)
class Cohorts:
    """`plain` for good images, and one for each view that was made."""

    plain: Cohort
    views: Mapping[View, Cohort] = field(default_factory=dict)

    def view(self, upscaler: str, width: float) -> View | None:
        """The view of `upscaler` whose width is nearest by ratio; None where none was made."""
        own = [view for view in self.views if view.upscaler == upscaler]
        if not own or not width > 0:
            return None
        return min(own, key=lambda view: abs(math.log(view.width / width)))

    def similarities(
        self, probes: Embedding, known: Embedding, view: View | None, seen: Embedding | None
    ) -> Floats:
        """Normalised similarities `(P, K)` of probes to a gallery.

        `known` `(K, 128)` is the gallery as it is, `seen` the same people in the `view` of the
        probes. Without a view, both sides are taken for good images.
        """
        if view is None or seen is None:
            return self.plain.similarities(probes, known)
        own = self.views[view]
        as_it_is = normalised(probes, own, known, self.plain)
        as_seen = normalised(probes, own, seen, own)
        return np.asarray((1 - SEEN_SHARE) * as_it_is + SEEN_SHARE * as_seen, np.float32)

    def fingerprint(self, upscaler: str) -> str:
        """Sixteen hexadecimal digits of the hash of what probes of `upscaler` are seen against."""
        own = {view: one for view, one in self.views.items() if view.upscaler == upscaler}
        digest = hashlib.sha256()
        for name, values in sorted(tensors_of(Cohorts(self.plain, own)).items()):
            digest.update(name.encode())
            digest.update(values.tobytes())
        return digest.hexdigest()[:16]


@functools.lru_cache(maxsize=2)
def load_cohorts(path: Path = SHIPPED) -> Cohorts:
    """Read cohorts; raises `ModelError` on one line when the file is missing or broken."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from gflmser.quantised import restored

    try:
        stored = load_file(path)
        coded = not all(one.is_floating_point() for one in stored.values())
        tensors = restored(stored) if coded else stored
        parts = {name: one.float().numpy() for name, one in tensors.items()}
        names = {name.rpartition("/")[0] for name in parts}
        made = {name: Cohort(parts[f"{name}/mean"], parts[f"{name}/directions"]) for name in names}
        plain = made.pop(_PLAIN)
        return Cohorts(plain, {_view(name): cohort for name, cohort in sorted(made.items())})
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise ModelError(f"{path}: not cohorts: {' '.join(str(error).split())}") from error


def tensors_of(cohorts: Cohorts) -> dict[str, Floats]:
    """The tensors of the file, by name: `gflmser@11/mean`, `gflmser@11/directions`."""
    named = {_PLAIN: cohorts.plain}
    named |= {f"{view.upscaler}@{view.width:g}": one for view, one in cohorts.views.items()}
    return {
        f"{name}/{part}": values
        for name, one in named.items()
        for part, values in (("mean", one.mean), ("directions", one.directions))
    }


def _view(name: str) -> View:
    upscaler, _, width = name.rpartition("@")
    return View(upscaler, float(width))
