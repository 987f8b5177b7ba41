"""Frames of a video through OpenCV, every n-th one."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from data.errors import ImageError
from data.images.files import MAX_PIXELS, suffix_of
from data.images.rgb import RGB
from data.regular_files import Stamp, open_regular, reason, stamp_of
from data.safe_text import one_line

VIDEO_SUFFIXES: Final = frozenset(
    (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".mts")
)
_LARGEST: Final = 1 << 42
_HEAD: Final = 400
_SLACK: Final = 0.01
"""Share of the frames that a header may announce and a whole file lack: many headers estimate."""
_OPTIONS: Final = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
_LOG_LEVEL: Final = "OPENCV_FFMPEG_LOGLEVEL"
_QUIET: Final = "-8"
"""FFmpeg's AV_LOG_QUIET."""
_MOV_ATOMS: Final = frozenset(
    (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"uuid")
)
_SIGNATURES: Final = (
    b"\x1aE\xdf\xa3",  # Matroska and WebM
    b"\x00\x00\x01\xba",  # MPEG program stream
    b"\x00\x00\x01\xb3",  # MPEG video
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # ASF, WMV
)


def is_video(path: Path) -> bool:
    """Whether the name of a file is that of a video: its suffix is one of `VIDEO_SUFFIXES`."""
    return suffix_of(path.name) in VIDEO_SUFFIXES


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A frame of a video: `number` counts all of them, `seconds` is its time in the video."""

    number: int
    seconds: float
    rgb: RGB


def video_stamp(path: Path) -> Stamp:
    """Size, time and SHA-256 of the video file; raises ImageError."""
    _check_container(path)
    try:
        return stamp_of(path, limit=_LARGEST)
    except OSError as error:
        raise ImageError(f"cannot be read: {one_line(reason(error))}") from error


def _check_container(path: Path) -> None:
    """Refuse what is no container: FFmpeg would follow a playlist to other files and to servers."""
    try:
        with open_regular(path, limit=_LARGEST) as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise ImageError(f"cannot be read: {one_line(reason(error))}") from error
    if not _is_container(head):
        raise ImageError("not a video that OpenCV can read: no known video container")


def _is_container(head: bytes) -> bool:
    if head[4:8] in _MOV_ATOMS or head.startswith(_SIGNATURES):
        return True
    if head[:4] == b"RIFF" and head[8:12] in (b"AVI ", b"AVIX"):
        return True
    # Transport streams: packets of 188 bytes, or of 192 with a time before each.
    return any(
        len(head) > at + step and head[at] == head[at + step] == 0x47
        for at, step in ((0, 188), (4, 192))
    )


def _open(path: Path) -> Any:  # noqa: ANN401 - cv2 is imported only where a video is
    import cv2

    _check_container(path)
    # OpenCV and FFmpeg print their own lines on broken files; ours is the error row.
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    os.environ.setdefault(_LOG_LEVEL, _QUIET)
    os.environ.setdefault(_OPTIONS, "protocol_whitelist;file")
    backend = cv2.CAP_FFMPEG if cv2.videoio_registry.hasBackend(cv2.CAP_FFMPEG) else cv2.CAP_ANY
    # Absolute: FFmpeg takes what stands before a colon in a plain name for a protocol.
    capture = cv2.VideoCapture(str(path.absolute()), backend)
    if not capture.isOpened():
        capture.release()
        raise ImageError("not a video that OpenCV can read")
    width, height = (
        int(capture.get(side)) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
    )
    if width * height > MAX_PIXELS:
        capture.release()
        raise ImageError(f"frames of {width}x{height} pixels; the limit is {MAX_PIXELS:,}")
    return capture


def count_frames(path: Path, every: int) -> int:
    """Estimate from the header how many frames `read_frames` yields; 1 when it does not say."""
    return max(1, -(-all_frames(path) // every))


def all_frames(path: Path) -> int:
    """How many frames the header announces; 0 when it does not say or cannot be read."""
    try:
        capture = _open(path)
    except ImageError:
        return 0
    frames = _announced(capture)
    capture.release()
    return frames


def _announced(capture: Any) -> int:  # noqa: ANN401
    import cv2

    frames = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    return int(frames) if 0 < frames < 1e9 else 0


def _seconds(capture: Any, number: int) -> float:  # noqa: ANN401
    """The time of the frame that was grabbed; by the frame rate where the file holds no times."""
    import cv2

    at, rate = capture.get(cv2.CAP_PROP_POS_MSEC), capture.get(cv2.CAP_PROP_FPS)
    if number and not 0 < at < 1e12:
        at = 1000 * number / rate if 0 < rate < 1e6 else 0.0
    return round(max(0.0, float(at)) / 1000, 3)


def read_frames(path: Path, every: int) -> Iterator[Frame]:
    """Yield frames 0, every, 2*every, ... with their pixels, `(H, W, 3)` uint8.

    Raises ImageError when the video cannot be opened or holds no frame, and, after the last frame,
    when the header announced more than could be decoded.
    """
    capture = _open(path)
    announced = _announced(capture)
    number = 0
    try:
        while capture.grab():
            if number % every == 0:
                ok, bgr = capture.retrieve()
                if not ok:
                    raise ImageError(f"frame {number} cannot be decoded")
                seconds = _seconds(capture, number)
                yield Frame(number, seconds, np.ascontiguousarray(bgr[:, :, ::-1]))
            number += 1
    finally:
        capture.release()
    if number == 0:
        raise ImageError("the video holds no frame")
    missing = announced - number
    if missing > max(1, _SLACK * announced):
        raise ImageError(
            f"the header announces {announced} frames, {number} could be decoded: "
            f"{missing} are missing"
        )
