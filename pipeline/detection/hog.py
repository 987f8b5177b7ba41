"""face_recognition's `hog`, called through dlib itself, with dlib's score kept.

The detector calls dlib directly, not through the face_recognition package. The boxes are the same
(`tests/pipeline/detection/test_dlib_detectors.py` proves it). The score is kept, and a broken
install is an error message instead of that package's `quit()`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from data.boxes import Box
from data.images.rgb import RGB
from pipeline.detection.base import Detection, DetectorOptions
from pipeline.environment.dlib_models import frontal_face_detector, import_dlib


@dataclass(frozen=True)
class HogDetector:
    """`face_recognition.face_locations(model="hog")` with dlib's score."""

    run: Callable[[RGB, int, float], tuple[Any, Any, Any]]
    min_score: float = 0.0
    name: str = "hog"

    def __call__(self, rgb: RGB, passes: int) -> list[Detection]:
        """See `Detector`; scores are margins, 0 is dlib's own threshold."""
        rects, scores, _ = self.run(rgb, passes, self.min_score)
        return [trimmed(rect, float(score), rgb) for rect, score in zip(rects, scores, strict=True)]


def trimmed(rect: Any, score: float, rgb: RGB) -> Detection:  # noqa: ANN401 - dlib is untyped
    """Box of a dlib rectangle, trimmed to the image as face_recognition does it."""
    height, width = rgb.shape[:2]
    left, top = max(rect.left(), 0), max(rect.top(), 0)
    right, bottom = min(rect.right(), width), min(rect.bottom(), height)
    return Detection(Box(left, top, right, bottom), score)


class _Provider:
    def check(self, options: DetectorOptions) -> None:
        import_dlib()

    def load(self, options: DetectorOptions) -> HogDetector:
        return HogDetector(frontal_face_detector().run, options.min_score or 0.0)


PROVIDER: Final = _Provider()
