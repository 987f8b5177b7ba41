"""Table 1: quality of restored faces, on pairs and on real low-resolution faces."""

from __future__ import annotations

from functools import partial

from benchmarks import published
from benchmarks.context import Bench
from benchmarks.image_sets import ImageSet, MissingDataError, paired_faces, real_faces
from benchmarks.measuring.compare_rows import frame, measure_with_features
from benchmarks.measuring.distances import VERSION, distances, kernel_note
from benchmarks.measuring.real_faces import real_rows
from benchmarks.methods import Entrant
from benchmarks.protocols import PAIRED, REFERENCE_CROP
from benchmarks.tables.columns import columns
from benchmarks.tables.document import Section, Sheet
from pipeline.evaluation.summary import HR_METHOD, Cell, as_rows, summarise
from pipeline.metrics.intervals import bootstrap_interval

_DISTANCES = ("fid", "kid", "fd_dlib", "kd_dlib")
_PAIRED = columns(
    *("psnr_rgb", "psnr_y", "published_psnr", "ssim", *_DISTANCES, "published_fid"),
    *("lr_consistency", "images_seen", "minutes", "cpu_minutes"),
)
_SQUARES = "Squares of 1.6 face heights around faces of 10-24 px"
_FRAMING = {"wider_lr16": "Faces of WIDER FACE below 37 px, 16x16 (unpaired)"}
_REAL = columns("n_images", *_DISTANCES, "published_fid", "lr_consistency")


def table1(bench: Bench) -> Sheet:
    """Raises MissingDataError without a paired set; without real faces their section is missing."""
    paired = paired_faces(bench.data)
    few = paired.first(bench.subset)
    sections, missing, sets = [_paired(bench, few)], [], {few.name: few.digest[:16]}
    try:
        found = real_faces(bench.data)
    except MissingDataError as error:
        missing.append(f"real low-resolution faces: {error}")
    else:
        sections += [_real(bench, real, few) for real in found]
        sets |= {real.name: real.digest[:16] for real in found}
    notes = (
        "PSNR per image on uint8, mean over images; SSIM on luma. Distances from the HR "
        f"images of the same set: {bench.extractor.backend}; their intervals keep the reference "
        "and are moved by the bias of resamples. Published FIDs come from three "
        "preprocessings and are comparable neither with ours nor with each other.",
        "What training cost, with the trainings that a weight went on from: images shown, wall "
        "time (Min.) and time of all cores together (CPU min.; a dash where nobody counted it). "
        "Equal terms are equal CPU minutes or equal images: wall time depends on the machine.",
        *(note for note in (kernel_note(),) if note),
        published.NOTE,
        *bench.notes(),
    )
    title = "Table 1: quality of restored faces"
    return Sheet("table1", title, tuple(sections), notes, bench.origin(sets), tuple(missing))


def _paired(bench: Bench, images: ImageSet) -> Section:
    rows, features = measure_with_features(bench, PAIRED, images)
    plain = summarise(frame(rows), seed=bench.seed, images_per_s={})
    summary = {str(row["method"]): row for row in as_rows(plain)}
    reference = features[HR_METHOD]

    def figures(entrant: Entrant) -> dict[str, float]:
        parts = {
            "what": "distances",
            "version": VERSION,
            "method": entrant.name,
            "weights": entrant.fingerprint,
            "data": images.digest,
            "backend": bench.extractor.backend,
            "seed": bench.seed,
            **PAIRED.parts(),
            **bench.arithmetic,
        }
        compute = partial(distances, bench, features[entrant.name], reference)
        found: dict[str, float] = bench.cache.json(parts, compute)
        return found

    bench.say(f"distances, {len(images.images)} of {images.name}")
    every = bench.side_by_side(partial(figures, entrant) for entrant in bench.entrants)
    made: list[dict[str, Cell]] = [
        {**summary[entrant.name], **own, **_published(entrant), **entrant.budget}
        for entrant, own in zip(bench.entrants, every, strict=True)
    ]
    title = f"{images.name}, {len(images.images)} images, 64x64 from bicubic 16x16"
    return Section(title, tuple(made), _PAIRED)


def _real(bench: Bench, faces: ImageSet, reference: ImageSet) -> Section:
    made: list[dict[str, Cell]] = []
    for row in real_rows(bench, faces, reference, bench.subset):
        entrant, values = row.pop("entrant"), row.pop("lr_consistency")
        interval = bootstrap_interval(values, seed=bench.seed)
        made.append(
            {
                "method": entrant.name,
                "oracle": False,
                "n_images": len(values),
                **row,
                "lr_consistency": sum(values) / len(values) if values else None,
                "lr_consistency_lo": interval.lo if values else None,
                "lr_consistency_hi": interval.hi if values else None,
                **{k: v for k, v in _published(entrant).items() if "fid" in k},
            }
        )
    note = (
        f"{_FRAMING.get(faces.name, _SQUARES)}, as they are. Reference: HR of {reference.name} "
        f"at crop {REFERENCE_CROP:g}. Oracles have no row: there is no HR."
    )
    if faces.name.startswith("wider"):
        note += (
            " Judges were shown these faces, without HR, in the training of Bulat, CycleGAN and "
            "GFLmser's H2L: not a held-out set for them."
        )
    return Section(f"{faces.name}: real low-resolution faces", tuple(made), _REAL, note)


def _published(entrant: Entrant) -> dict[str, float]:
    return published.table1(entrant.family, entrant.trained_on)
