"""The card of a user's embedder: a JSON file beside the ONNX file, with the same stem."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, get_args

from data.errors import ModelError
from data.regular_files import read_text
from data.safe_text import one_line
from pipeline.identity.embedders.base import Distance

__all__ = ["ARCFACE", "EmbedderCard", "read_card"]

Points = tuple[tuple[float, float], ...]

ARCFACE: Final[Points] = (
    (38.2946, 51.6963),
    (73.5318, 51.5014),
    (56.0252, 71.7366),
    (41.5493, 92.3655),
    (70.7299, 92.2041),
)
"""Eyes, nose and corners of the mouth in 112 pixels: InsightFace's, AdaFace's and SFace's place."""
_ARCFACE_SIDE: Final = 112
_CHANNELS: Final = ("rgb", "bgr")
_SIDES: Final = range(16, 1025)
_MOST_NUMBERS: Final = 8192


@dataclass(frozen=True, slots=True)
class EmbedderCard:
    """What the network wants to see and what it gives; raises `ValueError` for what cannot be.

    The input is `(N, 3, size, size)` float32, `(pixel - mean) * scale` of pixels in 0-255.

    Example:
        {"sha256": "9f1c...", "size": 112, "channels": "bgr", "mean": 127.5, "scale": 0.00784314,
         "distance": "cosine", "dimension": 512}
    """

    sha256: str
    """Of the ONNX file."""
    size: int
    """Side of the input in pixels."""
    channels: str
    """`rgb` or `bgr`."""
    mean: tuple[float, float, float]
    """Taken from each channel, in the order of `channels`; one number in the file serves all."""
    scale: float
    distance: Distance
    dimension: int
    """Numbers of an embedding."""
    landmarks: Points = ()
    """Where left eye, right eye, nose and corners of the mouth lie in the input, pixels; the
    default is ArcFace's place."""

    def __post_init__(self) -> None:
        if len(self.sha256) != 64 or set(self.sha256) - set("0123456789abcdef"):
            raise ValueError("sha256 must be 64 hexadecimal digits")
        if type(self.size) is not int or self.size not in _SIDES:
            raise ValueError(f"size must be 16 to 1024 pixels, not {self.size!r}")
        if self.channels not in _CHANNELS:
            raise ValueError(f"channels must be rgb or bgr, not {self.channels!r}")
        if not (math.isfinite(self.scale) and self.scale > 0):
            raise ValueError("scale must be a positive number")
        if self.distance not in get_args(Distance):
            raise ValueError(f"distance must be cosine or euclidean, not {self.distance!r}")
        if type(self.dimension) is not int or not 2 <= self.dimension <= _MOST_NUMBERS:
            raise ValueError(f"dimension must be 2 to {_MOST_NUMBERS}, not {self.dimension!r}")

    @property
    def template(self) -> Points:
        """Five points in pixels of the input."""
        if self.landmarks:
            return self.landmarks
        share = self.size / _ARCFACE_SIDE
        return tuple((x * share, y * share) for x, y in ARCFACE)


def read_card(model: Path) -> EmbedderCard:
    """The card beside `model`: `adaface.json` for `adaface.onnx`.

    Raises `ModelError` on one line when it is missing, unreadable, or says what cannot be.
    """
    path = model.with_suffix(".json")
    try:
        document = json.loads(read_text(path))
        if not isinstance(document, dict):
            raise ValueError("not an object")
        return _card(document)
    except FileNotFoundError as error:
        wanted = ", ".join(field.name for field in fields(EmbedderCard)[:-1])
        raise ModelError(f"{model} needs a card: {path.name} with {wanted}") from error
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror or error}") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise ModelError(f"{path}: not the card of an embedder: {one_line(error)}") from error


def _card(document: dict[str, Any]) -> EmbedderCard:
    known = {field.name: field for field in fields(EmbedderCard)}
    missing = [name for name in known if name not in document and name != "landmarks"]
    if missing:
        raise ValueError(f"{', '.join(missing)} missing")
    if unknown := sorted(document.keys() - known.keys()):
        raise ValueError(f"unknown: {', '.join(unknown)}")
    mean = document["mean"]
    three = tuple(_numbers(mean if isinstance(mean, list) else [mean] * 3, 3, "mean"))
    landmarks = document.get("landmarks", [])
    if landmarks and (not isinstance(landmarks, list) or len(landmarks) != 5):
        raise ValueError("landmarks must be five points")
    points = tuple(tuple(_numbers(point, 2, "a landmark")) for point in landmarks)
    (scale,) = _numbers([document["scale"]], 1, "scale")
    return EmbedderCard(**{**document, "mean": three, "landmarks": points, "scale": scale})


def _numbers(values: object, count: int, what: str) -> Sequence[float]:
    if (
        not isinstance(values, list)
        or len(values) != count
        or not all(type(one) in (int, float) and math.isfinite(one) for one in values)
    ):
        raise ValueError(f"{what} must be {count} number{'s' * (count > 1)}")
    return [float(one) for one in values]
