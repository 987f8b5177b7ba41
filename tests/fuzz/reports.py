"""Result folders with one file damaged: a report is written, or refused on one clean line."""

import functools
import json
import random
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.fuzz import mutate, seeds

_FACES = (
    "image,status,face,left,top,right,bottom,score,width,height,upscaler,scale,identity,distance,"
    "threshold,accepted,reason,face_px,dropped,candidate,error\n"
    "a.png,one,0,4,4,20,20,0.9,24,24,gflmser,4,Ann,0.4,0.5,True,,16.0,,,\n"
    "a.png,one,,,,,,,24,24,gflmser,4,,,,,,,too small,1.0 2.0 5.0 6.0,\n"
    "b.png,none,,,,,,,24,24,none,1,,,,,,,,,\nc.png,error,,,,,,,,,,,,,,,,,,,damaged\n"
)
_SUMMARY = {
    "interrupted": False,
    "settings": {"upscaler": "gflmser", "passes": None, "more": {"a": [1, 2]}},
    "provenance": {"commit": "abc", "libraries": {"numpy": "1"}},
}
_EVIDENCE = {
    "note": "",
    "inputs": [
        {"key": "a.png", "path": "/x/a.png", "output": "a.png", "region": [0, 0, 24, 24]},
        {"key": "b.png", "path": "b.png", "sha256": "0" * 64},
    ],
}


def one_report(rng: random.Random, folder: Path) -> object:
    """A folder of `detect` or of `compare` in which one file is damaged."""
    if rng.random() < 0.5:
        from pipeline.report.run_page.write import write_run_page

        _spoiled(rng, folder, run_folder_files())
        return write_run_page(folder)
    from pipeline.report.contact_sheet import contact_sheet
    from pipeline.report.data import read_report
    from pipeline.report.formats import to_csv, to_json, to_latex, to_markdown
    from pipeline.report.page import page

    _spoiled(rng, folder, _compare_folder())
    report = read_report(folder)
    contact_sheet(report)
    texts = [make(report) for make in (to_csv, to_json, to_markdown, to_latex)]
    plots: Mapping[tuple[str, str], bytes] = defaultdict(bytes)  # drawing takes seconds
    return [len(text) for text in (*texts, page(report, plots))]


def _spoiled(rng: random.Random, folder: Path, files: Mapping[str, bytes]) -> None:
    wrong = rng.choice([name for name in files if not name.endswith(".png")])
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(_damaged(rng, name, content) if name == wrong else content)


def _damaged(rng: random.Random, name: str, content: bytes) -> bytes:
    if name.endswith(".parquet"):
        return _other_table(rng, content)
    if name.endswith(".json") and rng.random() < 0.7:
        table = json.loads(content)
        for _ in range(rng.choice((1, 1, 3))):
            seeds.spoil(rng, table)
        return json.dumps(table).encode("utf-8", "surrogatepass")
    return mutate.text_of(rng, content.decode())


def _other_table(rng: random.Random, content: bytes) -> bytes:
    """The rows with a column lost, or with values of another kind in it."""
    import io

    import pandas as pd

    rows = pd.read_parquet(io.BytesIO(content))
    name = rng.choice(sorted(rows))
    if rng.random() < 0.2:
        rows = rows.drop(columns=name)
    else:
        odd = (None, -1, 10**9, float("nan"), float("inf"), "x", "", "../../x", "a\x1b[2Jb", True)
        value = rng.choice(odd)
        rows[name] = [value] * len(rows) if rng.random() < 0.5 else None
    file = io.BytesIO()
    rows.to_parquet(file)
    return file.getvalue()


@functools.cache
def run_folder_files() -> Mapping[str, bytes]:
    """What `detect` leaves in a folder, small."""
    image = seeds.images()["png"]
    return {
        "detections.csv": _FACES.encode(),
        "summary.json": json.dumps(_SUMMARY).encode(),
        "evidence.json": json.dumps(_EVIDENCE).encode(),
        **{f"{place}/a.png": image for place in ("boxes", "sr")},
        "faces/a-0-native.png": image,
    }


@functools.cache
def _compare_folder() -> Mapping[str, bytes]:
    from tests.pipeline.compare_folder import make_compare_folder

    with TemporaryDirectory() as name:
        folder = make_compare_folder(Path(name), seeds.SAMPLES, images=2)
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
