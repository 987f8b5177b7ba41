"""Detectors: face_recognition's hog and cnn with dlib's score kept, and OpenCV's YuNet.

The detectors call dlib directly, not through the face_recognition package. The boxes are the same
(`tests/pipeline/test_detect.py` proves it). The score is kept, and a broken install is an error
message instead of that package's `quit()`.
"""

import functools
import importlib.util
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from data.atomic import cache_folder, whole_file
from data.boxes import Box
from data.errors import ModelError, OutputError
from data.images.rgb import RGB
from pipeline.names import DetectorName

_MODEL_FILES: Final = {
    "cnn": "mmod_human_face_detector.dat",
    "landmarks5": "shape_predictor_5_face_landmarks.dat",
    "landmarks68": "shape_predictor_68_face_landmarks.dat",
    "embedding": "dlib_face_recognition_resnet_model_v1.dat",
}
_AUTO_PASSES: Final = ((33, 3), (100, 2), (1000, 1))
_YUNET_DEFAULT_SCORE: Final = 0.6


@dataclass(frozen=True, slots=True)
class Detection:
    """One face: its box in pixels of the picture that was searched, and the detector's score."""

    box: Box
    score: float


class Detector(Protocol):
    """Finds faces; `passes` is how often the picture is doubled before the search."""

    @property
    def name(self) -> str:
        """The name it is chosen by."""

    def __call__(self, rgb: RGB, passes: int) -> list[Detection]:
        """Return the faces of `rgb`, `(H, W, 3)`, best score first, boxes inside the picture."""


def auto_passes(width: int, height: int) -> int:
    """Choose the passes for a picture of this size in pixels; never 0 below 160 px.

    HOG's smallest face is about 80 px before doubling, so 64x64 pictures need two passes.
    """
    short = min(width, height)
    return next((passes for limit, passes in _AUTO_PASSES if short < limit), 0)


def model_file(key: str) -> Path:
    """Path of a model of face_recognition_models: cnn, landmarks5, landmarks68, embedding.

    Looks the package up without importing it, so a missing `pkg_resources` does not matter.
    Raises ModelError when the package or the file is absent.
    """
    spec = importlib.util.find_spec("face_recognition_models")
    if spec is None or spec.origin is None:
        raise ModelError(
            "the dlib models are missing: pip install face-recognition-models (see README, Install)"
        )
    path = Path(spec.origin).parent / "models" / _MODEL_FILES[key]
    if not path.is_file():
        raise ModelError(f"face_recognition_models is incomplete: {path} is missing")
    return path


def import_dlib() -> Any:  # noqa: ANN401 - dlib has no type information
    """Return the dlib module; raises ModelError that says what to install."""
    try:
        import dlib
    except ImportError as error:
        raise ModelError(f"dlib cannot be imported ({error}): pip install dlib-bin") from error
    return dlib


def _trimmed(rect: Any, score: float, rgb: RGB) -> Detection:  # noqa: ANN401
    """Box of a dlib rectangle, trimmed to the picture as face_recognition does it."""
    height, width = rgb.shape[:2]
    left, top = max(rect.left(), 0), max(rect.top(), 0)
    right, bottom = min(rect.right(), width), min(rect.bottom(), height)
    return Detection(Box(left, top, right, bottom), score)


@dataclass(frozen=True)
class HogDetector:
    """`face_recognition.face_locations(model="hog")` with dlib's score."""

    run: Callable[[RGB, int, float], tuple[Any, Any, Any]]
    min_score: float = 0.0
    name: str = "hog"

    def __call__(self, rgb: RGB, passes: int) -> list[Detection]:
        """See `Detector`; scores are margins, 0 is dlib's own threshold."""
        rects, scores, _ = self.run(rgb, passes, self.min_score)
        return [
            _trimmed(rect, float(score), rgb) for rect, score in zip(rects, scores, strict=True)
        ]


@dataclass(frozen=True)
class CnnDetector:
    """`face_recognition.face_locations(model="cnn")` with dlib's confidence."""

    run: Callable[[RGB, int], Any]
    min_score: float | None = None
    name: str = "cnn"

    def __call__(self, rgb: RGB, passes: int) -> list[Detection]:
        """See `Detector`; a confidence is positive, about 1 for a clear face."""
        found = [_trimmed(face.rect, float(face.confidence), rgb) for face in self.run(rgb, passes)]
        return [face for face in found if self.min_score is None or face.score >= self.min_score]


@dataclass(frozen=True)
class YuNetDetector:
    """OpenCV's YuNet; the model file is the user's."""

    model: Path
    min_score: float = _YUNET_DEFAULT_SCORE
    name: str = "yunet"

    def __call__(self, rgb: RGB, passes: int) -> list[Detection]:
        """See `Detector`; scores are probabilities."""
        import cv2
        import numpy as np

        factor = 2**passes
        height, width = rgb.shape[:2]
        size = (width * factor, height * factor)
        bgr = cv2.resize(np.ascontiguousarray(rgb[:, :, ::-1]), size)
        net = _yunet(self.model, self.min_score)
        net.setInputSize(size)
        _, rows = net.detect(bgr)
        return [] if rows is None else [f for row in rows if (f := self._face(row, rgb, factor))]

    @staticmethod
    def _face(row: Any, rgb: RGB, factor: int) -> Detection | None:  # noqa: ANN401
        left, top, width, height = (float(value) / factor for value in row[:4])
        box = Box(left, top, left + width, top + height).clipped(rgb.shape[1], rgb.shape[0])
        return Detection(box, float(row[-1])) if box is not None else None


@functools.lru_cache(maxsize=4)
def _yunet(model: Path, min_score: float) -> Any:  # noqa: ANN401
    import cv2

    try:
        return cv2.FaceDetectorYN.create(str(model), "", (320, 320), min_score)
    except cv2.error as error:
        reason = str(error).strip().splitlines()[-1]
        raise ModelError(f"{model} is not a YuNet model OpenCV can read: {reason}") from error


def check_detector(name: DetectorName, *, yunet_model: Path | None = None) -> None:
    """Raise ModelError when `load_detector` would miss something; loads no dlib model itself."""
    if name == "yunet":
        load_detector(name, yunet_model=yunet_model)
        return
    import_dlib()
    if name == "cnn":
        model_file("cnn")


@functools.lru_cache(maxsize=8)
def load_detector(
    name: DetectorName, *, min_score: float | None = None, yunet_model: Path | None = None
) -> Detector:
    """Load a detector once per process.

    `min_score` None keeps the detector's own threshold. Raises ModelError when something it
    needs is not installed, or for yunet when no model file is given.
    """
    if name == "yunet":
        if yunet_model is None or not yunet_model.is_file():
            raise ModelError("yunet needs its model file: --yunet-model face_detection_yunet.onnx")
        score = _YUNET_DEFAULT_SCORE if min_score is None else min_score
        _yunet(yunet_model, score)
        return YuNetDetector(yunet_model, score)
    dlib = import_dlib()
    if name == "cnn":
        return CnnDetector(dlib.cnn_face_detection_model_v1(str(model_file("cnn"))), min_score)
    return HogDetector(_frontal_face_detector(dlib).run, min_score or 0.0)


def _frontal_face_detector(dlib: Any) -> Any:  # noqa: ANN401
    """dlib's HOG detector: unpacking the one inside dlib takes 0.4 s, reading it back 2 ms."""
    cached = cache_folder() / f"frontal_face_detector-{dlib.__version__}.svm"
    with suppress(RuntimeError):  # absent, or not whole
        return dlib.fhog_object_detector(str(cached))
    detector = dlib.get_frontal_face_detector()
    with suppress(OutputError), whole_file(cached) as temporary:
        detector.save(str(temporary))
    return detector
