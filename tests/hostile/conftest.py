"""What the hostile tests share: a small real face, and the command line."""

from pathlib import Path

import pytest
from PIL import Image

from tests.pipeline.conftest import Command, Run, command, full_disk, run

__all__ = ["Command", "Run", "command", "full_disk", "run"]


@pytest.fixture(scope="session")
def face(samples: Path) -> Image.Image:
    """A real face of 40x40 pixels."""
    with Image.open(samples / "obama.jpg") as opened:
        return opened.convert("RGB").crop((150, 40, 350, 240)).resize((40, 40))


@pytest.fixture
def photos(face: Image.Image, tmp_path: Path) -> Path:
    """A user's folder of three originals."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.png", "b.png", "c.png"):
        face.save(folder / name)
    return folder
