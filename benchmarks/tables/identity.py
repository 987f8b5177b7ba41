"""Who is it, and when not to say: names by the shipped rules, for people they never saw."""

from __future__ import annotations

from functools import partial
from typing import Final

from benchmarks.context import Bench
from benchmarks.image_sets import ImageSet, lfw_split
from benchmarks.measuring.open_set import FPIR, WIDTHS, Row, open_set_rows
from benchmarks.methods import Entrant
from benchmarks.protocols import OPEN_SET_IMAGES, OPEN_SET_PER_PERSON
from benchmarks.tables.document import Section, Sheet
from data.prepared import DatasetImage
from pipeline.identity.thresholds import load_table
from pipeline.report.tables import Column

_COLUMNS: Final = (
    Column("kind", "LR", 0, "what was done to the LR image", ranked=False),
    Column("frames", "frames", 0, "photographs of one person that were averaged", ranked=False),
    Column("people", "gallery", 0, "people in the gallery", ranked=False),
    Column("probes", "probes", 0, "faces tried", ranked=False),
    Column("strangers_named", "strangers named", 3, "of those not in the gallery", lowest=True),
    Column("wrong", "wrong names", 3, "people of the gallery given another's name", lowest=True),
    Column("right", "right names", 3, "people of the gallery given their name"),
    Column("rank1", "Rank-1", 3, "the closest is the right person, named or not"),
    Column("tar_at_far_1e-2", "TAR@1 %", 3, "Euclidean distances to the gallery as it is"),
    Column("tar_as_compared", "TAR compared", 3, "the same by the similarities of `identify`"),
    Column("risk_at_30", "risk at 30 %", 3, "rank-1 error of the surest 30 %", lowest=True),
)


def identity(bench: Bench) -> Sheet:
    """A section for each face width; MissingDataError without LFW's test people."""
    images = _few_of_each(lfw_split(bench.data, "lfw-test").shuffled(0))
    images = images.first(bench.most(OPEN_SET_IMAGES))
    calibrated = load_table().provenance
    entrants = [one for one in bench.entrants if one.name in calibrated]
    sections = tuple(_section(bench, entrants, images, width) for width in WIDTHS)
    notes = (
        "Protocol of `sr-pipeline calibrate identity`: the first image of a person is the "
        "gallery's, galleries are drawn 60 times, who is not in one is a stranger. The place of "
        "the face is given. Nothing was chosen on these people.",
        f"Names by the rules that ship, for a rate of {FPIR:.0%} of strangers. Frames are other "
        "photographs, so they are less alike than frames of a video.",
        "A name is a lead to be checked, never a finding.",
        *bench.notes(),
    )
    origin = bench.origin({images.name: images.digest[:16]})
    return Sheet("identity", "Open-set identification", sections, notes, origin)


def _section(bench: Bench, entrants: list[Entrant], images: ImageSet, width: float) -> Section:
    tasks = [partial(open_set_rows, bench, entrant, images, width) for entrant in entrants]
    rows: list[Row] = [
        {"method": entrant.name, "oracle": False, **row}
        for entrant, found in zip(entrants, bench.side_by_side(tasks), strict=True)
        for row in found
    ]
    title = f"{images.name}, {len(images.images)} images, faces {width:g} px wide"
    return Section(title, tuple(rows), _COLUMNS)


def _few_of_each(images: ImageSet) -> ImageSet:
    """At most so many images of a person, those of a person together."""
    of_person: dict[str, list[DatasetImage]] = {}
    for image in images.images:
        of_person.setdefault(image.key.split("/")[0], []).append(image)
    few = (one for own in of_person.values() for one in own[:OPEN_SET_PER_PERSON])
    return ImageSet(images.name, tuple(few))
