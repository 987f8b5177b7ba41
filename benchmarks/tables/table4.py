"""Table 4: is the face found again, and is it still the same person?"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks import published
from benchmarks.context import Bench
from benchmarks.image_sets import ImageSet, MissingDataError, table4_faces
from benchmarks.measuring.compare_rows import frame, measure, with_a_face_on_hr
from benchmarks.measuring.other_detector import SCORE, found_on_bicubic
from benchmarks.protocols import CNN, TABLE4, Protocol
from benchmarks.tables.columns import columns
from benchmarks.tables.document import Section, Sheet
from benchmarks.tables.identity_section import identity_section
from data.errors import ModelError
from pipeline.engine.journal import Row
from pipeline.evaluation.summary import Cell, as_rows, summarise
from pipeline.report.tables import PSEUDO

_COLUMNS = columns(
    *("n", "n_excluded", "n_found", "n_missed", "found", "published_accuracy", "accuracy"),
    *("iou_all", "published_iou", "iou_hit"),
)


def table4(bench: Bench) -> Sheet:
    """Raises MissingDataError without faces; without pairs the identity section is missing."""
    candidates = table4_faces(bench.data, bench.seed)
    sections: list[Section] = []
    missing: list[str] = []
    for protocol in (*TABLE4, CNN):
        try:
            sections.append(_section(bench, candidates, protocol))
        except MissingDataError as error:
            missing.append(f"{protocol.name}, crop {protocol.crop:g}: {error}")
    few = candidates.first(bench.most(TABLE4[0].most))
    sets = {candidates.name: few.digest[:16]}
    try:
        section, digest = identity_section(bench)
        sections.append(section)
        sets["lfw-test-pairs"] = digest[:16]
    except MissingDataError as error:
        missing.append(f"identity verification: {error}")
    notes = (
        f"{PSEUDO} A miss counts 0 in IoU (all). The paper's accuracy means found, so it stands "
        "beside found; our accuracy also asks for IoU ≥ 0.5.",
        published.NOTE,
        *bench.notes(),
    )
    title = "Table 4: detection and identity after restoration"
    return Sheet("table4", title, tuple(sections), notes, bench.origin(sets), tuple(missing))


def _section(bench: Bench, candidates: ImageSet, protocol: Protocol) -> Section:
    most = bench.most(protocol.most) or len(candidates.images)
    note = ""
    if protocol.draw == "until_found":
        images, tried = with_a_face_on_hr(bench, protocol, candidates, most)
        note = (
            f"{len(images.images)} images with a face on HR out of the first {tried} "
            f"that were drawn ({tried - len(images.images)} without one passed over)."
        )
    else:
        images = candidates.first(most)
    if not images.images:
        raise MissingDataError(f"no image of {candidates.name} shows the detector a face on HR")
    rows = measure(bench, protocol, images)
    section = detection_section(bench, protocol, images, rows)
    if protocol == TABLE4[0]:
        note = f"{note} {_measures_hog(bench, protocol, images)}".strip()
    return Section(section.title, section.rows, section.columns, note or section.note)


def _measures_hog(bench: Bench, protocol: Protocol, images: ImageSet) -> str:
    """The sentence that says how much of a miss is the detector's; empty without CenterFace."""
    try:
        found, n = found_on_bicubic(bench, protocol, images)
    except ModelError:
        return ""
    return (
        f"These rows measure HOG: CenterFace (score {SCORE:g}) finds a face in {found} of the "
        f"first {n} of these images enlarged by bicubic."
    )


def detection_section(
    bench: Bench, protocol: Protocol, images: ImageSet, rows: Sequence[Row]
) -> Section:
    """The rows of one profile, with counts of found, missed and excluded images."""
    entrants = {entrant.name: entrant for entrant in bench.entrants}
    made: list[dict[str, Cell]] = []
    for row in as_rows(summarise(frame(rows), seed=bench.seed, images_per_s={})):
        n, share = row["n"], row["found"]
        assert isinstance(n, int)
        found = round(share * n) if isinstance(share, float) else 0
        cells = {
            **row,
            "profile": protocol.name,
            "crop": protocol.crop,
            "n_found": found,
            "n_missed": n - found,
        }
        if protocol.name == "paper":
            entrant = entrants[str(row["method"])]
            cells |= published.table4(entrant.family, entrant.trained_on)
        made.append(cells)
    hr = made[0].get("hr_found") if made else None
    note = f"A face found on HR in {100 * hr:.1f} %." if isinstance(hr, float) else ""
    title = (
        f"{protocol.name}: {protocol.detector}, {protocol.passes} "
        f"pass{'es' if protocol.passes > 1 else ''}, crop {protocol.crop:g}, "
        f"{len(images.images)} of {images.name}"
    )
    return Section(title, tuple(made), _COLUMNS, note)
