"""Gain over bicubic on every degraded set: what restoration is worth behind a real camera."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from benchmarks.context import Bench
from benchmarks.image_sets import ImageSet, MissingDataError, lfw_split
from benchmarks.measuring.degraded_sets import measure_set
from benchmarks.methods import Entrant, find_entrants
from benchmarks.protocols import DEGRADED_CROP, DEGRADED_IMAGES
from benchmarks.tables.document import Section, Sheet
from gflmser.camera.sets import SETS
from pipeline.evaluation.summary import Cell
from pipeline.metrics.intervals import bootstrap_interval
from pipeline.report.tables import Column

_SPLITS: Final = ("lfw-val", "lfw-test")
_GAINS: Final = tuple(
    Column(f"gain_{name}", name, 2, "PSNR (RGB) less that of bicubic, dB") for name in SETS
)
_PSNR: Final = tuple(Column(f"psnr_{name}", name, 2, "PSNR (RGB), dB") for name in SETS)


def degraded(bench: Bench) -> Sheet:
    """One pair of sections for each split of LFW that is there; MissingDataError for none."""
    found: list[ImageSet] = []
    missing: list[str] = []
    for name in _SPLITS:
        try:
            whole = lfw_split(bench.data, name).shuffled(0)
        except MissingDataError as error:
            missing.append(str(error))
        else:
            found.append(whole.first(bench.most(DEGRADED_IMAGES)))
    if not found:
        raise MissingDataError(missing[0])
    sections = [section for images in found for section in _sections(bench, images)]
    notes = (
        f"The central {DEGRADED_CROP:.0%} of each image, 64x64, and its 16x16 LR by the degraded "
        "sets of `gflmser/camera/sets.py`. Images in seeded order; intervals of gains are paired. "
        "Nothing is chosen on lfw-test.",
        *bench.notes(),
    )
    sets = {one.name: one.digest[:16] for one in found}
    title = "Degraded sets: gain over bicubic"
    return Sheet("degraded", title, tuple(sections), notes, bench.origin(sets))


def _sections(bench: Bench, images: ImageSet) -> tuple[Section, Section]:
    (plain,) = find_entrants(["bicubic"])
    entrants = {entrant.name: entrant for entrant in (plain, *bench.entrants)}
    tasks = [partial(_of_method, bench, entrant, images) for entrant in entrants.values()]
    every = dict(zip(entrants, bench.side_by_side(tasks), strict=True))
    baseline = every[plain.name]
    gains, psnr = [], []
    for name, entrant in entrants.items():
        head: dict[str, Cell] = {"method": name, "oracle": entrant.method.oracle}
        own = every[name]
        psnr.append(head | _cells(bench, "psnr", own))
        if name != plain.name:
            differences = {
                one: {key: value - baseline[one][key] for key, value in values.items()}
                for one, values in own.items()
            }
            gains.append(head | _cells(bench, "gain", differences))
    count = f"{images.name}, {len(images.images)} images"
    return (
        Section(f"{count}: gain over bicubic, dB", tuple(gains), _GAINS),
        Section(f"{count}: PSNR, dB", tuple(psnr), _PSNR),
    )


def _of_method(bench: Bench, entrant: Entrant, images: ImageSet) -> dict[str, dict[str, float]]:
    return {name: measure_set(bench, entrant, images, name) for name in SETS}


def _cells(bench: Bench, figure: str, sets: Mapping[str, Mapping[str, float]]) -> dict[str, Cell]:
    cells: dict[str, Cell] = {}
    for name, by_image in sets.items():
        values = list(by_image.values())
        interval = bootstrap_interval(values, seed=bench.seed)
        if values:
            key = f"{figure}_{name}"
            cells |= {
                key: sum(values) / len(values),
                f"{key}_lo": interval.lo,
                f"{key}_hi": interval.hi,
            }
    return cells
