"""Beyond the paper: is a restored face still the same person? Pairs, and a gallery of HR."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import inf
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from benchmarks.context import Bench
from benchmarks.image_sets import ImageSet, MissingDataError, lfw_test
from benchmarks.measuring.compare_rows import measure
from benchmarks.protocols import IDENTITY
from data.errors import TruthError
from pipeline.evaluation.pairs import Embeddings, Pairs, collect_embeddings
from pipeline.evaluation.summary import HR_METHOD, Cell
from pipeline.metrics.intervals import bootstrap_interval
from pipeline.metrics.verification import FEW, Floats, threshold_at_far

VERSION: Final = 1
"""Of `identity_rows`. Raise it when a figure moves, so that older results are not reused."""
FARS: Final = {"tar_at_far_1e-2": 1e-2, "tar_at_far_1e-3": 1e-3}


@dataclass(frozen=True, slots=True)
class IdentityRows:
    """A row for HR and for each method, how many pairs they rest on, and the hash of the data."""

    rows: tuple[dict[str, Cell], ...]
    pairs: int
    digest: str


def identity_rows(bench: Bench) -> IdentityRows:
    """Verify SR against HR of another image of the person, and look for it in a gallery.

    Rank-1: the first image of every person is in the gallery (HR), every other image is
    restored and looked for. Raises MissingDataError where the pairs are not there.
    """
    pairs = _pairs(bench)
    images = lfw_test(bench.data).only(pairs.keys())
    seen = frozenset(image.key for image in images.images)
    if not pairs.judgeable(seen):
        raise MissingDataError("not one same and one different pair of the list is in lfw/")
    faces = Faces(collect_embeddings(measure(bench, IDENTITY, images, embedded=seen)), images)
    weights = {HR_METHOD: HR_METHOD} | {e.name: e.fingerprint for e in bench.entrants}
    parts = {
        "what": "identity",
        "version": VERSION,
        "data": images.digest,
        "pairs": [pairs.a, pairs.b, pairs.same],
        "seed": bench.seed,
        **IDENTITY.parts(),
        **bench.arithmetic,
    }
    made: list[dict[str, Cell]] = [
        bench.cache.json(
            {"method": name, "weights": fingerprint, **parts},
            partial(_row, bench, name, pairs, faces),
        )
        for name, fingerprint in weights.items()
    ]
    oracles = {HR_METHOD, *(e.name for e in bench.entrants if e.method.oracle)}
    rows = tuple(row | {"oracle": row["method"] in oracles} for row in made)
    return IdentityRows(rows, len(pairs.same), images.digest)


def _pairs(bench: Bench) -> Pairs:
    file = bench.data / "splits" / "lfw-test-pairs.csv"
    if not file.is_file():
        raise MissingDataError(f"needs {file}: pairs a, b, same of LFW's test people")
    try:
        return few_pairs(Pairs.read(file), bench.subset)
    except TruthError as error:
        raise MissingDataError(str(error)) from error


def few_pairs(pairs: Pairs, most: int | None) -> Pairs:
    """As many same as different pairs, until they hold `most` images; all for None."""
    if most is None:
        return pairs
    same = [i for i, flag in enumerate(pairs.same) if flag]
    different = [i for i, flag in enumerate(pairs.same) if not flag]
    chosen: list[int] = []
    keys: set[str] = set()
    for both in zip(same, different, strict=False):
        new = keys.union(*({pairs.a[i], pairs.b[i]} for i in both))
        if chosen and len(new) > most:
            break
        keys = new
        chosen += both
    return replace(
        pairs,
        a=tuple(pairs.a[i] for i in chosen),
        b=tuple(pairs.b[i] for i in chosen),
        same=tuple(pairs.same[i] for i in chosen),
    )


@dataclass(frozen=True, slots=True)
class Faces:
    """Embeddings of every method's images, and who is on them."""

    embeddings: Embeddings
    images: ImageSet

    def impostors(self, method: str) -> Floats:
        """Distances of every image by `method` from HR of every other person's image.

        Images in which no face could be embedded are left out.
        """
        probes, probe_people = self._known(method)
        gallery, gallery_people = self._known(HR_METHOD)
        if not (len(probes) and len(gallery)):
            return np.empty(0)
        other = probe_people[:, None] != gallery_people[None, :]
        return np.asarray(cdist(probes, gallery)[other], np.float64)

    def same(self, method: str, pairs: Pairs) -> Floats:
        """Distances of the same pairs whose images are here; infinite where a face is lacking."""
        here = {image.key for image in self.images.images}
        every = zip(pairs.a, pairs.b, pairs.same, strict=True)
        chosen = [(a, b) for a, b, same in every if same and a in here and b in here]
        return np.array([self._distance(method, a, b) for a, b in chosen], np.float64)

    def _distance(self, method: str, a: str, b: str) -> float:
        probe, known = self.embeddings.get((method, a)), self.embeddings.get((HR_METHOD, b))
        return inf if probe is None or known is None else float(np.linalg.norm(probe - known))

    def _known(self, method: str) -> tuple[Floats, NDArray[np.str_]]:
        kept = [p for p in self.images.images if (method, p.key) in self.embeddings]
        vectors = [self.embeddings[method, image.key] for image in kept]
        return np.array(vectors, np.float64), np.array([image.identity for image in kept])


def least_impostors(far: float) -> int:
    """How many comparisons of different people a false accept rate needs to be stated."""
    return round(FEW / far)


def tars(same: Floats, impostors: Floats, seed: int) -> dict[str, Cell]:
    """`tar_at_far_1e-2`, `tar_at_far_1e-3`: the share of `same` accepted, with its interval.

    None for a rate that would rest on fewer than ten accepted comparisons of `impostors`.
    """
    found: dict[str, Cell] = {}
    for name, far in FARS.items():
        threshold = (
            threshold_at_far(impostors, far) if len(impostors) >= least_impostors(far) else None
        )
        if threshold is None or not len(same):
            found |= {name: None, f"{name}_lo": None, f"{name}_hi": None}
            continue
        accepted = (same <= threshold).astype(np.float64)
        interval = bootstrap_interval(accepted, seed=seed)
        found |= {
            name: float(accepted.mean()),
            f"{name}_lo": interval.lo,
            f"{name}_hi": interval.hi,
        }
    return found


def _row(bench: Bench, method: str, pairs: Pairs, faces: Faces) -> dict[str, Cell]:
    seen = frozenset(image.key for image in faces.images.images)
    verdict = pairs.verify(method, faces.embeddings, seen).as_row()
    del verdict["verification_notes"]  # of the few different pairs, which decide no TAR here
    impostors = faces.impostors(method)
    hits = rank1_hits(method, faces.embeddings, faces.images)
    interval = bootstrap_interval(hits, seed=bench.seed)
    gallery = len({image.identity for image in faces.images.images})
    return {
        "method": method,
        "oracle": False,
        **verdict,
        **tars(faces.same(method, pairs), impostors, bench.seed),
        "impostors": len(impostors),
        "rank1": float(np.mean(hits)) if hits else None,
        "rank1_lo": interval.lo if hits else None,
        "rank1_hi": interval.hi if hits else None,
        "rank1_probes": len(hits),
        "rank1_gallery": gallery,
    }


def rank1_hits(method: str, embeddings: Embeddings, images: ImageSet) -> list[float]:
    """1 or 0 for every image but the first of its person; 0 where no face could be embedded."""
    gallery: dict[str, np.ndarray] = {}
    probes: list[tuple[str, np.ndarray | None]] = []
    for image in images.images:
        if image.identity not in gallery:
            known = embeddings.get((HR_METHOD, image.key))
            if known is not None:
                gallery[image.identity] = known
        else:
            probes.append((image.identity, embeddings.get((method, image.key))))
    names: Sequence[str] = list(gallery)
    if not names:
        return []
    known = np.stack([gallery[name] for name in names])
    return [
        0.0
        if probe is None
        else float(names[int(np.argmin(np.linalg.norm(known - probe, axis=1)))] == person)
        for person, probe in probes
    ]
