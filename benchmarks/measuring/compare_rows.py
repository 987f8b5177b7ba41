"""Rows of faces under one protocol: from the cache, and by `compare` for the methods it lacks."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from benchmarks.context import Bench
from benchmarks.image_sets import ImageSet, SetListing, source_of
from benchmarks.methods import Entrant
from benchmarks.protocols import Protocol
from data.errors import ImageError
from data.images.files import load_rgb
from pipeline.engine.journal import Journal, Row
from pipeline.engine.run import run
from pipeline.evaluation.summary import HR_METHOD
from pipeline.jobs.compare import Compare, Method
from pipeline.jobs.degrade import Degradation
from pipeline.metrics.set_distance import Features

if TYPE_CHECKING:
    import pandas as pd

_HR: Final = Entrant(Method(HR_METHOD, HR_METHOD, oracle=False), HR_METHOD)
_EMBEDDING: Final = "embedding"
VERSION: Final = 1
"""Of rows and features. Raise it when a figure moves, so that older results are not reused."""


def measure(
    bench: Bench,
    protocol: Protocol,
    images: ImageSet,
    *,
    embedded: frozenset[str] = frozenset(),
) -> list[Row]:
    """The rows of `compare`, HR first, then every method of the bench in order.

    `embedded` are the keys whose rows carry the embedding of their face.
    """
    rows, _ = _measure(bench, protocol, images, embedded, None)
    return [row for group in rows.values() for row in group]


def measure_with_features(
    bench: Bench, protocol: Protocol, images: ImageSet
) -> tuple[list[Row], dict[str, Features]]:
    """As `measure`, and by method (HR among them) the features of its images, in their order."""
    rows, features = _measure(bench, protocol, images, frozenset(), bench.extractor.backend)
    return [row for group in rows.values() for row in group], features


def frame(rows: Iterable[Row]) -> pd.DataFrame:
    """The rows as a table, without embeddings."""
    import pandas as pd

    return pd.DataFrame([{k: v for k, v in r.items() if k != _EMBEDDING} for r in rows])


def with_a_face_on_hr(
    bench: Bench, protocol: Protocol, candidates: ImageSet, wanted: int
) -> tuple[ImageSet, int]:
    """The first `wanted` candidates on whose HR the detector finds a face, and how many it tried.

    Fewer where there are not so many. An image that cannot be read counts as tried.
    """
    job = Compare(Path(), (), Degradation(protocol.crop), protocol.detector, protocol.passes)
    few = candidates.first(4 * wanted)
    parts = {
        "what": "face on hr",
        "version": VERSION,
        **protocol.parts(),
        "data": few.digest,
        "wanted": wanted,
    }

    def search() -> dict[str, Any]:
        keys: list[str] = []
        tried = 0
        for image in few.images:
            if len(keys) == wanted:
                break
            tried += 1
            try:
                hr, _ = job.degradation(source_of(image).load(), image.key)
            except ImageError:
                continue
            if job.detect(hr):
                keys.append(image.key)
        return {"keys": keys, "tried": tried}

    found = bench.cache.json(parts, search)
    return few.only(found["keys"]), int(found["tried"])


def _measure(
    bench: Bench,
    protocol: Protocol,
    images: ImageSet,
    embedded: frozenset[str],
    backend: str | None,
) -> tuple[dict[str, list[Row]], dict[str, Features]]:
    everyone = (_HR, *bench.entrants)
    store = _Store(bench, protocol, images, embedded, backend)
    lacking = [entrant for entrant in everyone if not store.holds(entrant)]
    if lacking:
        bench.say(
            f"{protocol.name}, crop {protocol.crop:g}, {len(images.images)} of "
            f"{images.name}: {', '.join(e.name for e in lacking)}"
        )
        store.fill([entrant for entrant in lacking if entrant is not _HR])
    return store.rows, store.features


class _Store:
    """The cached rows and features of one protocol over one set."""

    def __init__(
        self,
        bench: Bench,
        protocol: Protocol,
        images: ImageSet,
        embedded: frozenset[str],
        backend: str | None,
    ) -> None:
        self._bench, self._protocol, self._images = bench, protocol, images
        self._embedded, self._backend = embedded, backend
        self.rows: dict[str, list[Row]] = {}
        self.features: dict[str, Features] = {}

    def holds(self, entrant: Entrant) -> bool:
        """Whether the cache has all of this method; if so it is read."""
        rows = self._bench.cache.find(self._parts(entrant, "rows"))
        if rows is None:
            self.rows[entrant.name] = []  # keeps the order of the methods
            return False
        self.rows[entrant.name] = rows
        if self._backend is not None:
            self.features[entrant.name] = self._features(entrant, _not_there)
        return True

    def fill(self, entrants: Sequence[Entrant]) -> None:
        """Measure these methods, HR with them where it is lacking, and keep the results."""
        with tempfile.TemporaryDirectory(prefix="sr-benchmark-") as folder:
            job = self._job(Path(folder), entrants)
            listing = SetListing((self._images.name,), images=self._images.images)
            with Journal(job.out, job.settings()) as journal:
                done = run(job, listing, self._bench.options(), journal)
                if done.interrupted:
                    raise KeyboardInterrupt
                measured = list(journal.rows())
            own = [
                (entrant, [row for row in measured if row["method"] == entrant.name])
                for entrant in (_HR, *entrants)
                if not self.rows[entrant.name]
            ]
            if self._backend is not None:
                self._bench.side_by_side(
                    partial(self._keep_features, entrant, job.out / "pictures" / entrant.name, rows)
                    for entrant, rows in own
                )
            for entrant, rows in own:
                self.rows[entrant.name] = self._bench.cache.put(self._parts(entrant, "rows"), rows)

    def _job(self, out: Path, entrants: Sequence[Entrant]) -> Compare:
        bench, protocol = self._bench, self._protocol
        return Compare(
            out,
            tuple(entrant.method for entrant in entrants),
            Degradation(protocol.crop),
            protocol.detector,
            protocol.passes,
            device=bench.device,
            precision=bench.precision,
            batch_size=bench.batch_size,
            embedded=self._embedded,
            searched=protocol.searched,
        )

    def _keep_features(self, entrant: Entrant, folder: Path, rows: Sequence[Row]) -> None:
        self._bench.say(f"features of {entrant.name}")
        files = [folder / str(row["output"]) for row in rows if not row["error"]]
        made = self._bench.extractor(load_rgb(file.with_suffix(".png")) for file in files)
        self.features[entrant.name] = self._features(entrant, lambda: made)

    def _features(self, entrant: Entrant, compute: Callable[[], Features]) -> Features:
        parts = {**self._parts(entrant, "features"), "backend": self._backend}
        return self._bench.cache.array(parts, compute)

    def _parts(self, entrant: Entrant, what: str) -> dict[str, object]:
        parts: dict[str, object] = {
            "what": what,
            "version": VERSION,
            "method": entrant.name,
            "weights": entrant.fingerprint,
            "data": self._images.digest,
            **self._protocol.parts(),
            **self._bench.arithmetic,
        }
        if what == "rows":
            # Rows are kept behind the features: where they are, the features are too.
            parts |= {"embedded": sorted(self._embedded), "with": self._backend}
        return parts


def _not_there() -> Features:
    return np.empty((0, 0))
