"""Detectors by name: ours, an unknown one, and one that another package offers."""

from importlib.metadata import EntryPoint, EntryPoints

import numpy as np
import pytest

from data.boxes import Box
from data.errors import ModelError
from data.images.rgb import RGB
from pipeline.detection import registry
from pipeline.detection.base import Detection, DetectorOptions


class Everywhere:
    """A detector that sees one face in every image."""

    name = "everywhere"

    def __call__(self, rgb: RGB, passes: int) -> list[Detection]:
        return [Detection(Box(0, 0, rgb.shape[1], rgb.shape[0]), 1.0)]


class Provider:
    """What the other package offers."""

    def check(self, options: DetectorOptions) -> None:
        """Nothing is missing."""

    def load(self, options: DetectorOptions) -> Everywhere:
        return Everywhere()


PROVIDER = Provider()


def test_a_detector_of_another_package_is_found_by_its_entry_point(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    point = EntryPoint("everywhere", f"{__name__}:PROVIDER", registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: EntryPoints([point]))
    registry.check_detector("everywhere")
    face = registry.load_detector("everywhere")(np.zeros((4, 6, 3), np.uint8), 0)[0]
    assert (face.box.width, face.box.height) == (6, 4)
    assert registry.detector_names()[-1] == "everywhere"
    registry.forget_detectors()


def test_an_unknown_name_is_an_error_with_the_nearest() -> None:
    with pytest.raises(ModelError, match=r"did you mean centerface\? known: hog, cnn"):
        registry.load_detector("centreface")
