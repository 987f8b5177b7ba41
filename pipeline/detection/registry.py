"""Detectors by name: ours, and those that other packages offer by an entry point.

To add one, write a module with a `PROVIDER` (see `base.Provider`) and name it in the entry points
of its package, e.g. `mine = mypackage.mine:PROVIDER` in the group `sr_pipeline.detectors`.
"""

import functools
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Final, cast

from data.errors import ModelError
from pipeline.detection.base import Detector, DetectorOptions, Provider

GROUP: Final = "sr_pipeline.detectors"
OWN: Final = ("hog", "cnn", "centerface", "yunet")
"""Detectors of this package."""
LANDMARKED: Final = ("centerface", "yunet")
"""Those of `OWN` that give landmarks."""


def detector_names() -> list[str]:
    """Every name that `load_detector` takes: ours first, then those of other packages, sorted."""
    return [*OWN, *sorted(_others().keys() - set(OWN))]


def check_detector(name: str, *, yunet_model: Path | None = None, device: str = "auto") -> None:
    """Raise ModelError when `load_detector` would miss something."""
    _provider(name).check(DetectorOptions(model=yunet_model, device=device))


def load_detector(
    name: str,
    *,
    min_score: float | None = None,
    yunet_model: Path | None = None,
    device: str = "auto",
    threads: int = 1,
) -> Detector:
    """Load a detector once per process.

    `min_score` None keeps the detector's own threshold. Raises ModelError when the name is
    unknown, when something it needs is not installed, or for yunet when no model file is given.
    """
    return _loaded(name, DetectorOptions(min_score, yunet_model, device, threads))


@functools.lru_cache(maxsize=8)
def _loaded(name: str, options: DetectorOptions) -> Detector:
    return _provider(name).load(options)


def forget_detectors() -> None:
    """Drop the detectors that were loaded, so that the next call loads them anew."""
    _loaded.cache_clear()


def _provider(name: str) -> Provider:
    if name in OWN:
        return _own(name)
    others = _others()
    if name not in others:
        close = get_close_matches(name, detector_names(), n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise ModelError(
            f"no detector is called {name!r}; {hint}known: {', '.join(detector_names())}"
        )
    return cast(Provider, others[name].load())


def _own(name: str) -> Provider:
    from pipeline.detection import centerface, cnn, hog, yunet

    own: dict[str, Provider] = {
        "hog": hog.PROVIDER,
        "cnn": cnn.PROVIDER,
        "centerface": centerface.PROVIDER,
        "yunet": yunet.PROVIDER,
    }
    return own[name]


def _others() -> dict[str, EntryPoint]:
    # Looked up only for names that are not ours: reading every package's metadata takes a while.
    return {point.name: point for point in entry_points(group=GROUP)}
