"""Frames know their second and their time of day, and a listing says which frames it leaves out."""

from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from data.errors import UsageError
from data.images.creation_time import creation_time
from pipeline.inputs.clock import Clock
from pipeline.inputs.sources import Listing

EPOCH = datetime(1904, 1, 1, tzinfo=UTC)


def video(path: Path, *, created: datetime | None = None) -> Path:
    """Twenty frames, ten a second, with the time in the header of the movie."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10.0, (64, 48))
    for number in range(20):
        writer.write(np.full((48, 64, 3), number * 8, np.uint8))
    writer.release()
    if created is not None:
        content = bytearray(path.read_bytes())
        at = content.index(b"mvhd") + 8
        content[at : at + 4] = int((created - EPOCH).total_seconds()).to_bytes(4, "big")
        path.write_bytes(content)
    return path


def times(listing: Listing) -> list[tuple[float | None, str | None]]:
    return [(source.seconds, source.time) for source in listing]


def test_frames_have_the_time_of_the_file(tmp_path: Path) -> None:
    created = datetime(2026, 11, 27, 14, 3, 5, tzinfo=UTC)
    clip = video(tmp_path / "gate.mp4", created=created)
    assert creation_time(clip) == created
    assert times(Listing((str(clip),), every=8)) == [
        (0.0, "2026-11-27T14:03:05.000Z"),
        (0.8, "2026-11-27T14:03:05.800Z"),
        (1.6, "2026-11-27T14:03:06.600Z"),
    ]


def test_a_time_that_was_never_set_is_none(tmp_path: Path) -> None:
    assert times(Listing((str(video(tmp_path / "a.mp4")),), every=19)) == [(0.0, None), (1.9, None)]


@pytest.mark.parametrize(
    ("text", "later"),
    [
        ("14:03:05", "14:03:06.900"),
        ("23:59:59", "00:00:00.900"),
        ("2026-11-27T23:59:59+01:00", "2026-11-28T00:00:00.900+01:00"),
        ("2026-11-27 14:03", "2026-11-27T14:03:01.900"),
    ],
)
def test_the_user_knows_the_start_better(tmp_path: Path, text: str, later: str) -> None:
    clip = video(tmp_path / "a.mp4", created=datetime(2020, 1, 1, tzinfo=UTC))
    listing = Listing((str(clip),), every=19, clock=Clock.parse(text))
    assert times(listing)[-1] == (1.9, later)
    assert "start_time" in listing.describe()


@pytest.mark.parametrize(
    "text", ["", "soon", "14", "2026-11-27", "25:00:00", "0001-01-01T00:00:00"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="14:03:05"):
        Clock.parse(text)


@pytest.mark.parametrize("damage", [b"", b"\0" * 40, b"\0\0\0\1moov" + b"\xff" * 8, b"\xff" * 64])
def test_a_damaged_header_has_no_time(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "x.mp4").write_bytes(damage)
    assert creation_time(tmp_path / "x.mp4") is None


def test_frames_that_are_left_out_are_counted(tmp_path: Path) -> None:
    clip = str(video(tmp_path / "gate.mp4"))
    assert Listing((clip,), every=8).frames_left_out() == {
        "gate.mp4": "3 of 20 frames are searched (--every 8); --every 1 takes all"
    }
    assert Listing((clip,), every=1).frames_left_out() == {}
