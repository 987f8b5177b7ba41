"""What a card shows is measured on the face, not on the strip that `--mark` adds below it."""

import json
from pathlib import Path

import pytest

from data.images.files import load_rgb
from data.images.rgb import RGB
from pipeline.evidence.marks import save_restored
from pipeline.report.run_page.folder import read_run
from pipeline.report.run_page.images import CardImages
from tests.pipeline.report.run_folder import make_run_folder


def test_a_mark_changes_no_figure(tmp_path: Path, samples: Path) -> None:
    run = read_run(make_run_folder(tmp_path, samples))
    plain = CardImages(run).of(run.rows[0])
    file = tmp_path / "faces" / "cam" / "a-0-restored.png"
    save_restored(file, load_rgb(file), mark=True, upscaler="gflmser")
    marked = CardImages(run).of(run.rows[0])
    assert load_rgb(file).shape[0] > load_rgb(file).shape[1], "the strip is there"
    assert marked["lr"] == plain["lr"]
    assert marked["restoredPx"] == plain["restoredPx"]


def test_a_video_is_not_read_once_for_each_of_its_frames(
    tmp_path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_run_folder(tmp_path, samples)
    film = tmp_path / "film.mp4"
    film.write_bytes(b"a long film")
    keys = {row["image"] for row in read_run(folder).rows}
    inputs = [{"key": key, "path": str(film)} for key in sorted(keys)]
    (folder / "evidence.json").write_text(json.dumps({"inputs": inputs}))
    opened: list[Path] = []

    def load(path: Path) -> RGB:
        opened.append(path)
        return load_rgb(path)

    monkeypatch.setattr("pipeline.report.run_page.images.load_rgb", load)
    run = read_run(folder)
    images = CardImages(run)
    for row in run.rows:
        images.of(row)
        assert images.frame(row) is None
    assert opened
    assert film not in opened
