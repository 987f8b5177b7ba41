"""Beyond the paper: is a restored face still the same person? Pairs, and a gallery of HR."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from benchmarks.bench import Bench
from benchmarks.measured import measure
from benchmarks.picture_sets import MissingDataError, PictureSet, lfw_test
from benchmarks.protocols import IDENTITY
from benchmarks.sheet import Section
from benchmarks.tables.columns import columns
from pipeline.errors import TruthError
from pipeline.pairs import Embeddings, Pairs, collect_embeddings
from pipeline.stats import bootstrap_interval
from pipeline.summary import HR_METHOD, Cell

_COLUMNS = columns("tar_at_far_1e-2", "tar_at_far_1e-3", "verification_accuracy", "rank1")


def identity_section(bench: Bench) -> tuple[Section, str]:
    """Verification of SR against HR of another picture, and rank-1; with the hash of the data.

    Rank-1: the first picture of every person is in the gallery (HR), every other picture is
    restored and looked for. Raises MissingDataError where the pairs are not there.
    """
    file = bench.data / "splits" / "lfw-test-pairs.csv"
    if not file.is_file():
        raise MissingDataError(f"needs {file}: pairs a, b, same of LFW's test people")
    try:
        pairs = few_pairs(Pairs.read(file), bench.subset)
    except TruthError as error:
        raise MissingDataError(str(error)) from error
    pictures = lfw_test(bench.data).only(pairs.keys())
    seen = frozenset(picture.key for picture in pictures.pictures)
    if not pairs.judgeable(seen):
        raise MissingDataError(f"not one same and one different pair of {file.name} is in lfw/")
    rows = measure(bench, IDENTITY, pictures, embedded=seen)
    embeddings = collect_embeddings(rows)
    made = [
        _row(bench, name, pairs, embeddings, seen, pictures)
        for name in (HR_METHOD, *(entrant.name for entrant in bench.entrants))
    ]
    oracles = {HR_METHOD, *(e.name for e in bench.entrants if e.method.oracle)}
    made = [row | {"oracle": row["method"] in oracles} for row in made]
    # HR itself is the bound of the others: it stands with the oracles, and is never the best.
    probes = made[0]["rank1_probes"]
    note = (
        f"SR of a against HR of b, dlib's embeddings at the face's place on HR; row hr: HR against "
        f"HR, the best that can be reached. Rank-1: {probes} probes in a gallery of "
        f"{made[0]['rank1_gallery']} people."
    )
    title = f"identity: {len(pairs.same)} pairs, crop {IDENTITY.crop:g}"
    return Section(title, tuple(made), _COLUMNS, note), pictures.digest


def few_pairs(pairs: Pairs, most: int | None) -> Pairs:
    """As many same as different pairs, until they hold `most` pictures; all for None."""
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


def _row(
    bench: Bench,
    method: str,
    pairs: Pairs,
    embeddings: Embeddings,
    seen: frozenset[str],
    pictures: PictureSet,
) -> dict[str, Cell]:
    verdict = pairs.verify(method, embeddings, seen).as_row()
    hits = rank1_hits(method, embeddings, pictures)
    interval = bootstrap_interval(hits, seed=bench.seed)
    gallery = len({picture.identity for picture in pictures.pictures})
    return {
        "method": method,
        "oracle": False,
        **verdict,
        "rank1": float(np.mean(hits)) if hits else None,
        "rank1_lo": interval.lo if hits else None,
        "rank1_hi": interval.hi if hits else None,
        "rank1_probes": len(hits),
        "rank1_gallery": gallery,
    }


def rank1_hits(method: str, embeddings: Embeddings, pictures: PictureSet) -> list[float]:
    """1 or 0 for every picture but the first of its person; 0 where no face could be embedded."""
    gallery: dict[str, np.ndarray] = {}
    probes: list[tuple[str, np.ndarray | None]] = []
    for picture in pictures.pictures:
        if picture.identity not in gallery:
            known = embeddings.get((HR_METHOD, picture.key))
            if known is not None:
                gallery[picture.identity] = known
        else:
            probes.append((picture.identity, embeddings.get((method, picture.key))))
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
