"""What the form offers, and what of it was chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from data.errors import UsageError
from pipeline.api import upscaler_names
from pipeline.environment.provenance import NOTICE
from pipeline.names import AUTO, DETECTOR_NAMES

RATES: Final = ("0.01", "0.05")
_UPSCALER: Final = "gflmser"
_WITHOUT_FILE: Final = "yunet"
_LONGEST_NOTE: Final = 2_000
_LONGEST_TIME: Final = 40
_EVERY: Final = range(1, 10_001)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the user chose."""

    detector: str
    upscaler: str
    rate: float
    """FPIR: share of strangers who may get a name."""
    every: int
    """Of a video, every n-th frame is taken."""
    start: str | None
    """When a video starts; None: as its file says."""
    tracks: bool
    """Link the faces of a person over frames."""
    mark: bool
    note: str


def choices() -> dict[str, object]:
    """What the form shows: every detector and upscaler that can be used without a file."""
    return {
        "notice": NOTICE,
        "detectors": detectors(),
        "detector": AUTO,
        "upscalers": upscalers(),
        "upscaler": _UPSCALER,
        "rate_label": "FPIR: share of strangers who may get a name",
        "rates": RATES,
        "rate": RATES[0],
    }


def detectors() -> list[str]:
    """Detectors that need no file of the user."""
    return [AUTO, *(name for name in DETECTOR_NAMES if name != _WITHOUT_FILE)]


def upscalers() -> list[str]:
    """Upscalers that saw no ground truth."""
    return [name for name in upscaler_names() if "oracle" not in name]


def read_choices(form: Mapping[str, str]) -> Chosen:
    """What was sent; raises `UsageError` for what the form does not offer."""
    every = form.get("every", "25")
    if not every.isdecimal() or int(every) not in _EVERY:
        raise UsageError("frames: a number from 1 to 10000")
    return Chosen(
        _one_of("detector", form, detectors()),
        _one_of("upscaler", form, upscalers()),
        float(_one_of("rate", form, RATES)),
        int(every),
        form.get("start", "").strip()[:_LONGEST_TIME] or None,
        form.get("tracks") == "1",
        form.get("mark") == "1",
        form.get("note", "")[:_LONGEST_NOTE],
    )


def _one_of(name: str, form: Mapping[str, str], offered: list[str] | tuple[str, ...]) -> str:
    value = form.get(name, "")
    if value not in offered:
        raise UsageError(f"{name}: {value[:40]!r} is none of {', '.join(offered)}")
    return value
