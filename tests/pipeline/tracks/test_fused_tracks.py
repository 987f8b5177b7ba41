"""`detect --tracks` on a clip that is made of a sample: images of tracks, and their sheet."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from pipeline.cli import cli
from pipeline.evidence.marks import WORDS

FRAMES = 5


def run(*words: object) -> Result:
    return CliRunner().invoke(cli, [*map(str, words), "--quiet"], standalone_mode=False)


@pytest.fixture(scope="module")
def clip(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A face of about 20 px that moves by parts of a pixel, in noise."""
    folder = tmp_path_factory.mktemp("clip")
    rng = np.random.default_rng(0)
    with Image.open(samples / "obama.jpg") as image:
        for number in range(FRAMES):
            box = (3.7 * number, 0, 400 + 3.7 * number, 400)
            small = np.asarray(
                image.convert("RGB").resize((64, 64), Image.Resampling.BICUBIC, box=box)
            )
            seen = np.clip(np.rint(small + rng.normal(0, 4, small.shape)), 0, 255)
            Image.fromarray(seen.astype(np.uint8)).save(folder / f"{number:06d}.png")
    return folder


@pytest.fixture(scope="module")
def found(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("found")
    done = run("detect", clip, "--out", out, "--tracks")
    assert done.exception is None
    return out


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as opened:
        return list(csv.DictReader(opened))


def test_a_track_has_its_best_frame_and_its_frames_fused(found: Path) -> None:
    (track,) = rows_of(found / "tracks.csv")
    assert (track["frames"], track["fused"]) == (str(FRAMES), str(FRAMES))
    best = found / "faces" / f"{Path(track['image']).stem}-{track['face']}-native.png"
    assert (found / "tracks" / "000000-native.png").read_bytes() == best.read_bytes()
    with (
        Image.open(found / "tracks" / "000000-restored.png") as single,
        Image.open(found / "tracks" / "000000-fused.png") as fused,
    ):
        assert fused.size == single.size
        assert fused.info["Comment"] == WORDS
        assert (np.asarray(fused) != np.asarray(single)).any()


def test_the_page_shows_the_sheet_of_tracks(found: Path) -> None:
    with Image.open(found / "tracks.png") as sheet:
        assert sheet.height > 128
    assert 'class="sheet" src="data:image/webp' in (found / "report.html").read_text("utf-8")
    assert '"tracks/000000-fused.png"' in (found / "evidence.json").read_text("utf-8")


def test_fusing_again_gives_the_same_files_and_overwriting_removes_them(
    clip: Path, found: Path
) -> None:
    files = [*sorted((found / "tracks").iterdir()), found / "tracks.png", found / "tracks.csv"]
    before = [file.read_bytes() for file in files]
    assert run("detect", clip, "--out", found, "--tracks", "--resume").exception is None
    assert [file.read_bytes() for file in files] == before
    assert run("detect", clip, "--out", found, "--limit", 1, "--overwrite").exception is None
    assert not any(file.exists() for file in files)
