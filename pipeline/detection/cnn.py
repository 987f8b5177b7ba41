"""face_recognition's `cnn` (dlib's max-margin network), called through dlib itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from data.images.rgb import RGB
from pipeline.detection.base import Detection, DetectorOptions
from pipeline.detection.hog import trimmed
from pipeline.environment.dlib_models import import_dlib, model_file


@dataclass(frozen=True)
class CnnDetector:
    """`face_recognition.face_locations(model="cnn")` with dlib's confidence."""

    run: Callable[[RGB, int], Any]
    min_score: float | None = None
    name: str = "cnn"

    def __call__(self, rgb: RGB, passes: int) -> list[Detection]:
        """See `Detector`; a confidence is positive, about 1 for a clear face."""
        found = [trimmed(face.rect, float(face.confidence), rgb) for face in self.run(rgb, passes)]
        return [face for face in found if self.min_score is None or face.score >= self.min_score]


class _Provider:
    def check(self, options: DetectorOptions) -> None:
        import_dlib()
        model_file("cnn")

    def load(self, options: DetectorOptions) -> CnnDetector:
        dlib = import_dlib()
        network = dlib.cnn_face_detection_model_v1(str(model_file("cnn")))
        return CnnDetector(network, options.min_score)


PROVIDER: Final = _Provider()
