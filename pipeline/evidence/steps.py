"""The steps of a run in words: what was done, with which parameters, and where it is published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Settings = Mapping[str, object]

_INTERPOLATORS: Final = ("nearest", "bilinear", "bicubic", "lanczos")
_DETECTORS: Final = {
    "hog": (
        "dlib's frontal face detector: histograms of oriented gradients, sliding window",
        "Dalal and Triggs 2005; King 2009, JMLR 10:1755",
    ),
    "cnn": ("dlib's convolutional max-margin face detector", "King 2015, arXiv:1502.00046"),
    "centerface": (
        "CenterFace: faces as points of one network",
        "Xu et al. 2019, arXiv:1911.03599",
    ),
    "yunet": ("YuNet, a small convolutional face detector", "Wu et al. 2023, MIR 20:656"),
    "auto": (
        "CenterFace at a scale chosen from the size of the image",
        "Xu et al. 2019, arXiv:1911.03599",
    ),
}


def steps_of(command: str, settings: Settings) -> list[dict[str, Any]]:
    """The steps of `detect`, `identify` or `upscale`, JSON-ready, in the order they are taken."""
    steps = [
        _step(
            "read",
            "Each file is decoded to 8-bit RGB and its EXIF rotation applied; the region that a "
            "manifest names is cut out in whole pixels.",
        ),
        _upscale(settings),
    ]
    if command != "upscale":
        steps.append(_detect(settings))
    if settings.get("identify"):
        steps.append(_identify(settings))
    steps.append(_step("write", "Tables as CSV and Parquet; images as PNG, 8-bit RGB, lossless."))
    return steps


def _step(
    name: str, method: str, parameters: Settings | None = None, reference: str = ""
) -> dict[str, Any]:
    step: dict[str, Any] = {"step": name, "method": method, "parameters": dict(parameters or {})}
    return step | ({"reference": reference} if reference else {})


def _picked(settings: Settings, *names: str) -> dict[str, object]:
    return {name: settings[name] for name in names if name in settings}


def _upscale(settings: Settings) -> dict[str, Any]:
    name = str(settings.get("upscaler", ""))
    parameters = _picked(
        settings, "upscaler", "upscale_below", "precision", "consistent", "compiled", "mark"
    )
    if name in _INTERPOLATORS:
        return _step("upscale", f"Interpolation by the {name} kernel.", parameters)
    return _step(
        "upscale",
        "A network restores the image at four times its size. It was trained on faces; detail that "
        "the input does not hold is the network's guess.",
        parameters,
        "Li et al. 2019, GAN Flexible Lmser for Super-Resolution"
        if name.startswith("gflmser")
        else "",
    )


def _detect(settings: Settings) -> dict[str, Any]:
    name = str(settings.get("detector", ""))
    method, reference = _DETECTORS.get(name, (f"The detector {name}.", ""))
    parameters = _picked(
        settings,
        *("detector", "passes", "min_score", "pad", "faces", "min_face", "max_face"),
    )
    return _step("detect", f"{method}.", parameters, reference)


def _identify(settings: Settings) -> dict[str, Any]:
    found = settings.get("identify")
    return _step(
        "identify",
        "Each face becomes an embedding and is compared with every person of the gallery. The "
        "closest one is named only below the calibrated threshold.",
        found if isinstance(found, Mapping) else {},
        "He et al. 2016 (the network); King 2017, dlib's face recognition model",
    )
