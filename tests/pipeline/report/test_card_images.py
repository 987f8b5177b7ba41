"""What a card shows is measured on the face, not on the strip that `--mark` adds below it."""

from pathlib import Path

from data.images.files import load_rgb
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
