"""The figures as contact sheets: LR, every method, HR, with the boxes that were found."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.picture_sets import MissingDataError, PictureSet, SetListing, lfw_test, scenes
from pipeline.compare_run import compare
from pipeline.comparison import Compare
from pipeline.degrade import Degradation
from pipeline.files import whole_file

SHOWN = 9


@dataclass(frozen=True, slots=True)
class Figure:
    """One contact sheet, and the figures of the paper that it stands for."""

    name: str
    like: str
    crop: float
    faces: bool


FIGURES = (
    Figure("faces", "figures 1 and 7: faces restored", 1.0, faces=True),
    Figure("faces-close", "figures 9 to 11: faces as a surveillance camera cuts them", 0.55, True),
    Figure("scenes", "figure 8: BSDS100 by methods trained on faces", 1.0, faces=False),
)


def figures(bench: Bench, out: Path) -> tuple[list[Path], list[str]]:
    """Write a PNG for each figure below `out`/figures; what was written, and what is missing."""
    written: list[Path] = []
    missing: list[str] = []
    for figure in FIGURES:
        try:
            whole = lfw_test(bench.data) if figure.faces else scenes(bench.data, "bsds100")
        except MissingDataError as error:
            missing.append(f"figure {figure.name}: {error}")
            continue
        shown = whole.shuffled(bench.seed, one_of_each=True).first(bench.most(SHOWN))
        path = out / "figures" / f"{figure.name}.png"
        content = _sheet(bench, figure, shown)
        with whole_file(path) as temporary:
            temporary.write_bytes(_signed(content, bench.origin({shown.name: shown.digest[:16]})))
        written.append(path)
    return written, missing


def _sheet(bench: Bench, figure: Figure, pictures: PictureSet) -> bytes:
    parts = {
        "what": "figure",
        "crop": figure.crop,
        "data": pictures.digest,
        "methods": [(entrant.name, entrant.fingerprint) for entrant in bench.entrants],
        "seed": bench.seed,
        **bench.arithmetic,
    }
    return bench.cache.bytes(parts, ".png", lambda: _drawn(bench, figure, pictures))


def _drawn(bench: Bench, figure: Figure, pictures: PictureSet) -> bytes:
    from pipeline.report_data import read_report
    from pipeline.report_sheet import contact_sheet

    bench.say(f"figure {figure.name}")
    with tempfile.TemporaryDirectory(prefix="sr-benchmark-") as folder:
        job = Compare(
            Path(folder),
            tuple(entrant.method for entrant in bench.entrants),
            Degradation(figure.crop),
            device=bench.device,
            precision=bench.precision,
            batch_size=bench.batch_size,
        )
        listing = SetListing((pictures.name,), pictures=pictures.pictures)
        compare(job, listing, bench.options(), pairs=None, seed=bench.seed, resume=False)
        file = io.BytesIO()
        contact_sheet(read_report(Path(folder))).save(file, "PNG")
    return file.getvalue()


def _signed(content: bytes, origin: Mapping[str, object]) -> bytes:
    """The picture with its provenance in the PNG's text fields."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    texts = PngInfo()
    for name, value in origin.items():
        texts.add_text(name, value if isinstance(value, str) else json.dumps(value, sort_keys=True))
    file = io.BytesIO()
    with Image.open(io.BytesIO(content)) as picture:
        picture.save(file, "PNG", pnginfo=texts)
    return file.getvalue()
