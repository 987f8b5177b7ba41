"""Frames of a video through OpenCV, every n-th one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from data.errors import ImageError
from data.images.rgb import RGB

VIDEO_SUFFIXES: Final = frozenset(
    (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".mts")
)


def _open(path: Path) -> Any:  # noqa: ANN401 - cv2 is imported only where a video is
    import cv2

    # OpenCV prints its own lines on broken files; ours is the error row.
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    capture = cv2.VideoCapture(str(path))
    if not capture.isOpened():
        capture.release()
        raise ImageError("not a video that OpenCV can read")
    return capture


def count_frames(path: Path, every: int) -> int:
    """Estimate from the header how many frames `read_frames` yields; 1 when it does not say."""
    import cv2

    try:
        capture = _open(path)
    except ImageError:
        return 1
    frames = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    capture.release()
    return max(1, -(-frames // every))


def read_frames(path: Path, every: int) -> Iterator[tuple[int, RGB]]:
    """Yield `(frame number, (H, W, 3) uint8)` for frames 0, every, 2*every, ...

    Raises ImageError when the video cannot be opened or holds no frame.
    """
    capture = _open(path)
    number = 0
    try:
        while capture.grab():
            if number % every == 0:
                ok, bgr = capture.retrieve()
                if not ok:
                    raise ImageError(f"frame {number} cannot be decoded")
                yield number, np.ascontiguousarray(bgr[:, :, ::-1])
            number += 1
    finally:
        capture.release()
    if number == 0:
        raise ImageError("the video holds no frame")
