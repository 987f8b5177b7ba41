"""OpenCV's YuNet; the model file is the user's."""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from data.boxes import Box
from data.errors import ModelError
from data.images.rgb import RGB
from pipeline.detection.base import Detection, DetectorOptions

DEFAULT_SCORE: Final = 0.6
_POINTS: Final = 5


@dataclass(frozen=True)
class YuNetDetector:
    """YuNet on the CPU through OpenCV, with its five landmarks."""

    model: Path
    min_score: float = DEFAULT_SCORE
    name: str = "yunet"

    def __call__(self, rgb: RGB, passes: int) -> list[Detection]:
        """See `Detector`; scores are probabilities."""
        import cv2

        factor = 2**passes
        height, width = rgb.shape[:2]
        size = (width * factor, height * factor)
        bgr = cv2.resize(np.ascontiguousarray(rgb[:, :, ::-1]), size)
        net = _network(self.model, self.min_score)
        net.setInputSize(size)
        _, rows = net.detect(bgr)
        return [] if rows is None else [f for row in rows if (f := _face(row, rgb, factor))]


def _face(row: Any, rgb: RGB, factor: int) -> Detection | None:  # noqa: ANN401 - a row of OpenCV
    values = [float(value) / factor for value in row[: 4 + 2 * _POINTS]]
    left, top, width, height = values[:4]
    box = Box(left, top, left + width, top + height).clipped(rgb.shape[1], rgb.shape[0])
    marks = tuple(zip(values[4::2], values[5::2], strict=True))
    return Detection(box, float(row[-1]), marks) if box is not None else None


@functools.lru_cache(maxsize=4)
def _network(model: Path, min_score: float) -> Any:  # noqa: ANN401
    import cv2

    try:
        return cv2.FaceDetectorYN.create(str(model), "", (320, 320), min_score)
    except cv2.error as error:
        reason = str(error).strip().splitlines()[-1]
        raise ModelError(f"{model} is not a YuNet model OpenCV can read: {reason}") from error


class _Provider:
    def check(self, options: DetectorOptions) -> None:
        self.load(options)

    def load(self, options: DetectorOptions) -> YuNetDetector:
        if options.model is None or not options.model.is_file():
            raise ModelError("yunet needs its model file: --yunet-model face_detection_yunet.onnx")
        score = DEFAULT_SCORE if options.min_score is None else options.min_score
        _network(options.model, score)
        return YuNetDetector(options.model, score)


PROVIDER: Final = _Provider()
