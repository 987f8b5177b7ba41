"""Closed sets of names that options offer; imports nothing, so that `--help` is fast."""

from typing import Final, Literal, get_args

DetectorName = Literal["hog", "cnn", "centerface", "yunet"]
DETECTOR_NAMES: Final = get_args(DetectorName)
AUTO: Final = "auto"
"""The search for small faces, which chooses detector and scale itself."""

AS_IT_IS: Final = "none"
"""Name of the upscaler in the rows of an image that was searched as it is."""

MAX_PASSES: Final = 4
"""How often an image may be doubled before a search."""

FacesWanted = Literal["all", "largest", "center"]
FACES_WANTED: Final = get_args(FacesWanted)

EngineName = Literal["local", "ray"]

Precision = Literal["fp32", "bf16", "fp16"]
