"""Real low-resolution faces have no HR: how far are the restored ones from real HR faces?"""

from __future__ import annotations

from functools import partial
from threading import Lock
from typing import Any, Final

import numpy as np
from PIL import Image

from benchmarks.context import Bench
from benchmarks.image_sets import ImageSet, source_of
from benchmarks.measuring.distances import distances
from benchmarks.methods import Entrant
from benchmarks.protocols import REFERENCE_CROP
from data.errors import ImageError
from data.images.rgb import RGB
from pipeline.jobs.degrade import Degradation
from pipeline.metrics.image_quality import lr_consistency
from pipeline.metrics.set_distance import Features

_SIDE: Final = 16
VERSION: Final = 1
"""Of rows and reference. Raise it when a figure moves, so that older results are not reused."""


def real_rows(
    bench: Bench, faces: ImageSet, reference: ImageSet, wanted: int | None
) -> list[dict[str, Any]]:
    """For every method that needs no HR: LR consistency, and distances from HR of `reference`.

    A face is the square around it, reduced or enlarged to 16x16. Those whose square leaves the
    scene are passed over; the first `wanted` of the others are taken.
    """
    low: list[RGB] = []
    restoring = Lock()

    def row(entrant: Entrant) -> dict[str, Any]:
        parts = {
            "what": "real faces",
            "version": VERSION,
            "method": entrant.name,
            "weights": entrant.fingerprint,
            "data": faces.digest,
            "wanted": wanted,
            "reference": reference.digest,
            "crop": REFERENCE_CROP,
            "backend": bench.extractor.backend,
            "seed": bench.seed,
            **bench.arithmetic,
        }

        def compute() -> dict[str, Any]:
            with restoring:  # one network at a time; distances of others run beside it
                low.extend(low_faces(faces, wanted) if not low else ())
                bench.say(f"{len(low)} of {faces.name}: {entrant.name}")
                sr = bench.upscaler(entrant)(low)
                features, other = bench.extractor(sr), _reference(bench, reference)
            return {
                "lr_consistency": [lr_consistency(a, b) for a, b in zip(sr, low, strict=True)],
                **distances(bench, features, other),
            }

        return {"entrant": entrant, **bench.cache.json(parts, compute)}

    blind = [entrant for entrant in bench.entrants if not entrant.method.oracle]
    return bench.side_by_side(partial(row, entrant) for entrant in blind)


def low_faces(faces: ImageSet, wanted: int | None) -> list[RGB]:
    """The first `wanted` faces whose square lies in the scene, `(16, 16, 3)` each."""
    made: list[RGB] = []
    for image in faces.images:
        if wanted is not None and len(made) == wanted:
            break
        try:
            square = Image.fromarray(source_of(image).load())
        except ImageError:
            continue
        made.append(np.array(square.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)))
    return made


def _reference(bench: Bench, images: ImageSet) -> Features:
    """Features of HR, cut so that a face fills as much of it as of the real ones."""
    parts = {
        "what": "reference",
        "version": VERSION,
        "data": images.digest,
        "crop": REFERENCE_CROP,
        "backend": bench.extractor.backend,
    }

    def compute() -> Features:
        bench.say(f"features of HR, {len(images.images)} of {images.name}")
        degradation = Degradation(REFERENCE_CROP)
        sources = (source_of(image) for image in images.images)
        fine = (source for source in sources if source.problem is None)
        return bench.extractor(degradation(source.load(), source.key)[0] for source in fine)

    return bench.cache.array(parts, compute)
