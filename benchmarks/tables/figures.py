"""The figures as contact sheets: LR, every method, HR, with the boxes that were found."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np

from benchmarks.context import Bench
from benchmarks.image_sets import (
    ImageSet,
    MissingDataError,
    SetListing,
    lfw_test,
    real_faces,
    scenes,
    source_of,
)
from benchmarks.measuring.compare_rows import frame
from benchmarks.measuring.real_faces import low_faces
from benchmarks.measuring.whole_images import SCALE, whole_pair
from benchmarks.methods import Entrant
from data.atomic import whole_file
from data.images.files import save_png
from data.images.rgb import RGB
from pipeline.engine.journal import Journal, Row
from pipeline.engine.run import run
from pipeline.evaluation.summary import as_rows, summarise
from pipeline.jobs.compare import Compare, Method, MethodRow, no_quality
from pipeline.jobs.degrade import Degradation
from pipeline.metrics.image_quality import psnr_rgb
from pipeline.report.data import HR, LR
from pipeline.upscalers.base import restore

Kind = Literal["pairs", "real", "scenes"]
"""Faces with HR, real low-resolution faces, which have none, or whole scenes as in Table 3."""

SHOWN: Final = 9
_SCENES: Final = 2
"""Each takes two rows; the sheet stays below 1.5 MB."""
_DETAIL: Final = 80
"""Side of the middle of a scene that is shown enlarged; whole, it is shown reduced."""
VERSION: Final = 1
"""Of the sheets. Raise it when a figure moves: older results are then not reused."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One contact sheet, and what it shows; of real faces one sheet for each set."""

    name: str
    images: Callable[[Path], Sequence[ImageSet]]
    kind: Kind = "pairs"
    crop: float = 1.0
    trained_on: tuple[str, ...] = ()
    """Only methods that were trained on these, and those that were not trained; empty for all."""

    def shows(self, entrant: Entrant) -> bool:
        """Whether a method has its row on the sheet."""
        if self.kind == "real" and entrant.method.oracle:
            return False
        return not self.trained_on or entrant.trained_on in ("–", *self.trained_on)

    @property
    def shown(self) -> int:
        """How many images it shows."""
        return _SCENES if self.kind == "scenes" else SHOWN


FIGURES: Final = (
    Figure("faces", lambda data: [lfw_test(data)]),
    Figure("faces-close", lambda data: [lfw_test(data)], crop=0.55),
    Figure("faces-real", real_faces, "real"),
    # Figures 9 and 10 of the paper: GFLmser trained on images of anything (DIV2K; here BSDS200).
    Figure(
        "scenes-general", lambda data: [scenes(data, "bsds100")], "scenes", trained_on=("general",)
    ),
    Figure("faces-general", lambda data: [lfw_test(data)], trained_on=("general",)),
    Figure("scenes", lambda data: [scenes(data, "bsds100")], "scenes"),
)


def figures(bench: Bench, out: Path) -> tuple[list[Path], list[str]]:
    """Write a PNG for each figure below `out`/figures; what was written, and what is missing."""
    written: list[Path] = []
    missing: list[str] = []
    for figure in FIGURES:
        try:
            sets = figure.images(bench.data)
        except MissingDataError as error:
            missing.append(f"figure {figure.name}: {error}")
            continue
        for whole in sets:
            name = f"{figure.name}-{whole.name}" if figure.kind == "real" else figure.name
            path = out / "figures" / f"{name}.png"
            shown = whole.shuffled(bench.seed, one_of_each=True)
            if figure.kind != "real":  # of those the readable ones are counted
                shown = shown.first(bench.most(figure.shown))
            content = _sheet(bench, figure, shown)
            origin = bench.origin({shown.name: shown.digest[:16]})
            with whole_file(path) as temporary:
                temporary.write_bytes(_signed(content, origin))
            written.append(path)
    return written, missing


def _sheet(bench: Bench, figure: Figure, images: ImageSet) -> bytes:
    parts = {
        "what": "figure",
        "version": VERSION,
        "figure": figure.name,
        "crop": figure.crop,
        "data": images.digest,
        "most": bench.most(figure.shown),
        "methods": [(e.name, e.fingerprint) for e in bench.entrants if figure.shows(e)],
        "seed": bench.seed,
        **bench.arithmetic,
    }
    return bench.cache.bytes(parts, ".png", lambda: _drawn(bench, figure, images))


@dataclass(frozen=True, slots=True)
class _Shown:
    """Rows of what was restored, and the keys to draw, each with its file below pictures/."""

    rows: list[Row]
    files: Mapping[str, str]


def _drawn(bench: Bench, figure: Figure, images: ImageSet) -> bytes:
    from pipeline.report.contact_sheet import contact_sheet
    from pipeline.report.data import Report

    bench.say(f"figure {figure.name}, {images.name}")
    restored = {"pairs": _pairs, "real": _real, "scenes": _scenes}[figure.kind]
    with tempfile.TemporaryDirectory(prefix="sr-benchmark-") as folder:
        job = Compare(
            Path(folder),
            tuple(entrant.method for entrant in bench.entrants if figure.shows(entrant)),
            Degradation(figure.crop),
            device=bench.device,
            precision=bench.precision,
            batch_size=bench.batch_size,
        )
        shown = restored(bench, job, images)
        table = frame(shown.rows)
        summary = as_rows(summarise(table, seed=bench.seed, images_per_s={}))
        report = Report(
            job.out,
            {"seed": bench.seed},
            tuple(sorted(summary, key=lambda row: bool(row["oracle"]))),
            table,
            shown.files,
        )
        file = io.BytesIO()
        contact_sheet(report, tuple(shown.files)).save(file, "PNG")
    return file.getvalue()


def _pairs(bench: Bench, job: Compare, images: ImageSet) -> _Shown:
    listing = SetListing((images.name,), images=images.images)
    with Journal(job.out, job.settings()) as journal:
        if run(job, listing, bench.options(), journal).interrupted:
            raise KeyboardInterrupt
        rows = list(journal.rows())
    return _Shown(rows, {str(r["image"]): str(r["output"]) for r in sorted(rows, key=_image)})


def _image(row: Row) -> str:
    return str(row["image"])


def _real(bench: Bench, job: Compare, images: ImageSet) -> _Shown:
    """Rows of faces without HR: restored, and the largest face that is found."""
    low = low_faces(images, bench.most(SHOWN))
    names = [f"{index}.png" for index in range(len(low))]
    for name, lr in zip(names, low, strict=True):
        save_png(job.out / "pictures" / LR / name, lr)
    rows: list[Row] = []
    for method in job.methods:
        for name, sr in zip(names, job.restorer(method)(low), strict=True):
            save_png(job.out / "pictures" / method.name / name, sr)
            rows.append(_row(job, method, name, name, sr))
    return _Shown(rows, {name: name for name in names})


def _scenes(_: Bench, job: Compare, images: ImageSet) -> _Shown:
    """Scenes restored whole, as Table 3 does; each is followed by its middle, enlarged."""
    rows: list[Row] = []
    files: dict[str, str] = {}
    for index, source in enumerate(map(source_of, images.images)):
        if source.problem is not None:
            continue
        whole, detail = f"{index}.png", f"{index}-middle.png"
        files |= {source.key: whole, f"middle of {source.key}": detail}
        hr, lr = whole_pair(source.load())
        made = {m: restore(job.restorer(m), [lr], [hr])[0] for m in job.methods}
        views = {LR: lr, HR: hr, **{method.name: sr for method, sr in made.items()}}
        for view, image in views.items():
            save_png(job.out / "pictures" / view / whole, image)
            middle = _middle(image, 1 if view == LR else SCALE)
            save_png(job.out / "pictures" / view / detail, middle)
        for method, sr in made.items():
            row = _row(job, method, source.key, whole, sr)
            rows.append({**row, "psnr_rgb": psnr_rgb(sr, hr)})
    return _Shown(rows, files)


def _middle(image: RGB, scale: int) -> RGB:
    """The square of `_DETAIL` HR pixels in the middle, or what there is of it; `scale` 1 is LR."""
    height, width = (edge // scale for edge in image.shape[:2])
    side = _DETAIL // SCALE
    top, left = (scale * max(0, (edge - side) // 2) for edge in (height, width))
    return np.ascontiguousarray(image[top:, left:][: side * scale, : side * scale])


def _row(job: Compare, method: Method, key: str, output: str, sr: RGB) -> Row:
    """An image without ground truth and the largest face that is found in it."""
    best = max(job.detect(sr), key=lambda face: face.box.area, default=None)
    row = MethodRow(
        key,
        method.name,
        method.oracle,
        truth=False,
        found=best is not None,
        accurate=False,
        output=output,
    )
    return {**asdict(row), **no_quality(), **(asdict(best.box) if best else {})}


def _signed(content: bytes, origin: Mapping[str, object]) -> bytes:
    """The image with its provenance in the PNG's text fields."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    texts = PngInfo()
    for name, value in origin.items():
        texts.add_text(name, value if isinstance(value, str) else json.dumps(value, sort_keys=True))
    file = io.BytesIO()
    with Image.open(io.BytesIO(content)) as image:
        image.save(file, "PNG", pnginfo=texts)
    return file.getvalue()
